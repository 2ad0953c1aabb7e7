from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from logkeep.errors import BadSetting
from logkeep.settings import Settings, duration, load_settings, size


def test_without_any_setting_the_defaults_hold() -> None:
    assert load_settings({}, environ={}) == Settings()
    assert all(setting.metadata["help"] for setting in fields(Settings) if setting.name != "archives")


def test_the_command_line_counts_before_the_environment_before_the_file(tmp_path: Path) -> None:
    config = tmp_path / "logkeep.toml"
    config.write_text('port = 1\nhost = "file"\nretention = "3d"\nmin_free_bytes = 0\n')
    environ = {"LOGKEEP_PORT": "2", "LOGKEEP_HOST": "environment", "LOGKEEP_TOKEN": "x", "PATH": "/bin"}
    assert load_settings({"port": "3"}, config=config, environ=environ) == Settings(
        port=3, host="environment", retention=259_200, min_free_bytes=0
    )


def test_the_environment_may_name_the_file_and_the_command_line_another(tmp_path: Path) -> None:
    for name, port in (("one", 1), ("two", 2)):
        (tmp_path / name).write_text(f"port = {port}\n")
    environ = {"LOGKEEP_CONFIG": str(tmp_path / "one")}
    assert load_settings({}, environ=environ).port == 1
    assert load_settings({}, environ=environ, config=tmp_path / "two").port == 2


def test_every_setting_can_come_from_the_environment() -> None:
    environ = {
        "LOGKEEP_DATA": "/srv/logs",
        "LOGKEEP_HOST": "::",
        "LOGKEEP_PORT": "0",
        "LOGKEEP_ARCHIVE": "s3://bucket/prefix",
        "LOGKEEP_S3_ENDPOINT": "http://localhost:9000",
        "LOGKEEP_SEAL_AFTER": "0",
        "LOGKEEP_LATE_SWEEP": "10 m",
        "LOGKEEP_MAX_OBJECT_BYTES": "64MiB",
        "LOGKEEP_RETENTION": "36h",
        "LOGKEEP_RESTORE_EXPIRY": "90s",
        "LOGKEEP_SPOOL_MAX_BYTES": "1TiB",
        "LOGKEEP_MIN_FREE_BYTES": "512KiB",
    }
    assert load_settings({}, environ=environ) == Settings(
        data=Path("/srv/logs"),
        host="::",
        port=0,
        archive="s3://bucket/prefix",
        s3_endpoint="http://localhost:9000",
        seal_after=0,
        late_sweep=600,
        max_object_bytes=64 << 20,
        retention=129_600,
        restore_expiry=90,
        spool_max_bytes=1 << 40,
        min_free_bytes=512 << 10,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("port", "65536"), ("port", "-1"), ("port", "http"), ("port", ""), ("port", "²")),
        *(("retention", "0"), ("retention", "-1d"), ("retention", "1.5h"), ("retention", "1w")),
        *(("retention", "soon"), ("seal_after", ""), ("seal_after", "9" * 20)),
        *(("max_object_bytes", "0"), ("max_object_bytes", "1GB"), ("spool_max_bytes", "1 giB")),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_setting_and_source(name: str, value: str) -> None:
    with pytest.raises(BadSetting) as caught:
        load_settings({}, environ={f"LOGKEEP_{name.upper()}": value})
    assert caught.value.message == f"the environment sets {name} to {value!r}, which cannot be used"
    assert caught.value.hint.startswith(("write a ", "write more than 0"))


def test_a_bad_value_is_named_even_where_a_good_one_counts_before_it() -> None:
    with pytest.raises(BadSetting, match="the environment sets port to 'x'"):
        load_settings({"port": "1"}, environ={"LOGKEEP_PORT": "x"})


def test_an_unknown_setting_is_named_with_its_source(tmp_path: Path) -> None:
    config = tmp_path / "logkeep.toml"
    config.write_text("[archive_]\nurl = 1\n")
    with pytest.raises(BadSetting, match="the environment sets 'prot', which is no setting"):
        load_settings({}, environ={"LOGKEEP_PROT": "1"})
    with pytest.raises(BadSetting, match=rf"the file {config} sets 'archive_', which is no setting"):
        load_settings({}, config=config, environ={})


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"port: 1", "is not TOML"), (b'host = "\xff"', "is not TOML"), (None, "cannot be read")],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    config = tmp_path / "logkeep.toml"
    if content is not None:
        config.write_bytes(content)
    with pytest.raises(BadSetting, match=f"the settings file {config} {message}"):
        load_settings({}, config=config, environ={})


def test_durations_are_seconds_and_sizes_are_bytes() -> None:
    assert [duration(text) for text in ("90", "90s", "10m", "6h", "5d", " 1 h ")] == [
        *(90, 90, 600, 21_600, 432_000, 3600)
    ]
    assert [size(text) for text in ("512", "1KiB", "1MiB", "1GiB", "1TiB")] == [
        *(512, 1 << 10, 1 << 20, 1 << 30, 1 << 40)
    ]


def test_the_archive_is_a_folder_in_the_data_folder_unless_set(tmp_path: Path) -> None:
    assert Settings(data=tmp_path).archive_url == f"file://{tmp_path}/archive"
    assert Settings(archive="s3://bucket/prefix").archive_url == "s3://bucket/prefix"


NOTICES = {
    "public_url": "https://logs.example.org",
    "notify_url": "https://jane:hush@hooks.example.org/services/T0",
    "notify_secret": "0123456789abcdef",
    "notify_email": "ops@example.org, on-call@example.org",
    "notify_subject": "{{name}} {{outcome}}",
    "notify_template": "{{name}}\n{{error}}",
    "smtp_url": "smtp+starttls://jane:hush@mail.example.org",
    "smtp_from": "logkeep@example.org",
}


def test_the_settings_of_notices_are_taken_as_they_are_and_nothing_secret_is_shown() -> None:
    loaded = load_settings({}, environ={f"LOGKEEP_{name.upper()}": text for name, text in NOTICES.items()})
    assert {name: getattr(loaded, name) for name in NOTICES} == NOTICES
    assert "hush" not in repr(loaded)
    assert NOTICES["notify_secret"] not in repr(loaded)


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("public_url", "logs.example.org", "write an http or https URL"),
        ("notify_email", "ops", "write addresses with commas"),
        ("notify_subject", "{{nmae}}", "write fields that there are, not 'nmae': id, name"),
        ("notify_template", "{{name", "write each field between"),
        ("smtp_from", "a@example.org,b@example.org", "write one address"),
        ("notify_url", "ftp://jane:hush@example.org", "write an http or https URL"),
        ("notify_secret", "hush", "write 16 characters or more"),
        ("smtp_url", "http://jane:hush@mail.example.org", "write smtp+starttls://"),
    ],
)
def test_a_setting_of_notices_that_cannot_be_used_is_named_and_a_secret_is_not_repeated(
    name: str, value: str, hint: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        load_settings({}, environ={f"LOGKEEP_{name.upper()}": value})
    assert caught.value.message.startswith(f"the environment sets {name} to ")
    assert caught.value.hint.startswith(hint)
    assert "hush" not in str(caught.value)


SIGNING_IN = {
    "trusted_proxies": "10.0.0.1, 192.168.0.0/24, fd00::/8",
    "oidc_issuer": "https://accounts.example.org/realms/one",
    "oidc_client_id": "logkeep",
    "oidc_client_secret": "hush hush",
    "oidc_name": "Example & Söhne",
    "oidc_scopes": "openid email",
    "oidc_auto_role": "read-only",
    "oidc_auto_accounts": "main,team-a",
    "oidc_auto_domains": "example.org, Example.com",
}


def test_the_settings_of_signing_in_are_taken_as_they_are_and_nothing_secret_is_shown() -> None:
    loaded = load_settings({}, environ={f"LOGKEEP_{name.upper()}": text for name, text in SIGNING_IN.items()})
    assert {name: getattr(loaded, name) for name in SIGNING_IN} == SIGNING_IN
    assert "hush" not in repr(loaded)


@pytest.mark.parametrize("text", ["http://localhost:9400", "http://127.0.0.1:9400", "http://[::1]:9400"])
def test_an_identity_provider_on_this_machine_needs_no_https(text: str) -> None:
    assert load_settings({}, environ={"LOGKEEP_OIDC_ISSUER": text}).oidc_issuer == text


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("trusted_proxies", "10.0.0.1/8", "write IP addresses or networks"),
        ("trusted_proxies", "proxy.example.org", "write IP addresses or networks"),
        ("trusted_proxies", "*", "write IP addresses or networks"),
        ("oidc_issuer", "http://accounts.example.org", "write an https URL"),
        ("oidc_issuer", "accounts.example.org", "write an http or https URL"),
        ("oidc_client_id", "naïve", "write printable ASCII characters"),
        ("oidc_client_secret", "naïve", "write printable ASCII characters"),
        ("oidc_name", "x" * 41, "write one line of at most 40 characters"),
        ("oidc_name", "two\nlines", "write one line of at most 40 characters"),
        ("oidc_scopes", "email profile", "write scopes with blanks between them"),
        ("oidc_auto_role", "owner", "write admin, member or read-only"),
        ("oidc_auto_domains", "@example.org", "write domains with commas between them"),
        ("oidc_auto_domains", "*,example.org", "write domains with commas between them"),
        ("session_idle", "0", "write more than 0"),
    ],
)
def test_a_setting_of_signing_in_that_cannot_be_used_is_named(name: str, text: str, hint: str) -> None:
    with pytest.raises(BadSetting) as caught:
        load_settings({}, environ={f"LOGKEEP_{name.upper()}": text})
    assert caught.value.hint.startswith(hint)
    assert caught.value.field == name
    assert "naïve" not in str(caught.value) or name != "oidc_client_secret"
