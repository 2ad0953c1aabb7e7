"""Sealing secrets, the keys it takes, the file they are in, and changing them."""

from __future__ import annotations

import base64
import os
import stat
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import AccountKind, Archive, ArchiveState, Target
from logkeep.errors import BadSetting
from logkeep.vault import Vault, load_vault, rotate


def key(letter: str) -> str:
    return base64.urlsafe_b64encode(letter.encode() * 32).decode()


ONE, TWO, THREE = map(key, "123")
SECRETS = {"secret_access_key": "open sesame", "session_token": "ä\n\0"}


@given(st.dictionaries(st.text(), st.text()))
def test_what_is_sealed_opens_to_the_same(values: Mapping[str, str]) -> None:
    vault = Vault([ONE])
    assert vault.open(vault.seal(MappingProxyType(dict(values)))) == values


def test_nothing_is_sealed_as_nothing() -> None:
    vault = Vault([ONE])
    assert vault.seal({}) == b""
    assert vault.open(b"") == {}
    assert vault.opens(b"")
    assert not vault.stale(b"")


def test_what_is_sealed_shows_neither_names_nor_values_and_differs_each_time() -> None:
    vault = Vault([ONE])
    sealed = vault.seal(SECRETS)
    plain = base64.urlsafe_b64decode(sealed)
    assert not any(word in plain for word in (b"sesame", b"secret_access_key"))
    assert vault.seal(SECRETS) != sealed


def test_the_first_key_seals_and_any_opens() -> None:
    old = Vault([ONE]).seal(SECRETS)
    both = Vault([TWO, ONE])
    assert both.open(old) == SECRETS
    assert both.stale(old)
    assert both.opens(old)
    assert not Vault([TWO]).opens(old)
    new = both.seal(SECRETS)
    assert not both.stale(new)
    assert Vault([TWO]).open(new) == SECRETS


def test_a_key_that_does_not_fit_says_where_keys_come_from_and_nothing_else() -> None:
    sealed = Vault([ONE]).seal(SECRETS)
    with pytest.raises(BadSetting) as caught:
        Vault([TWO, THREE], source="the key file /k").open(sealed)
    assert "cannot be opened with the key file /k" in caught.value.message
    assert "back into the key file /k" in caught.value.hint
    shown = "".join(traceback.format_exception(caught.value))
    assert not any(word in shown for word in (ONE, TWO, THREE, sealed.decode(), "sesame"))


@pytest.mark.parametrize("place", [0, 1, 40, -1])
def test_changed_bytes_do_not_open(place: int) -> None:
    vault = Vault([ONE])
    sealed = bytearray(vault.seal(SECRETS))
    sealed[place] ^= 1
    with pytest.raises(BadSetting, match="cannot be opened"):
        vault.open(bytes(sealed))
    assert vault.stale(bytes(sealed))


@pytest.mark.parametrize(
    "bad", ["", "short", ONE[:-1], ONE + "=", ONE[:-2] + "==", ONE.replace("M", "+", 1), "ä" * 44, f" {ONE}"]
)
def test_what_is_no_key_is_named_by_its_position_only(bad: str) -> None:
    with pytest.raises(BadSetting, match=r"number 2 in the file is no key") as caught:
        Vault([ONE, bad], source="the file")
    assert ONE not in str(caught.value)
    assert not bad or bad not in str(caught.value)
    assert caught.value.details == {"field": "secret_key"}


def test_no_key_is_a_bad_setting() -> None:
    with pytest.raises(BadSetting, match="there is no key in"):
        Vault([])


def test_a_vault_shows_nothing_of_its_keys() -> None:
    assert repr(Vault([ONE])) == str(Vault([ONE])) == "Vault()"


def test_keys_of_the_environment_come_before_the_file(tmp_path: Path) -> None:
    vault = load_vault(text=f"{TWO},{ONE}", path=tmp_path / "secret.key")
    assert vault.open(Vault([ONE]).seal(SECRETS)) == SECRETS
    assert not vault.stale(Vault([TWO]).seal(SECRETS))
    assert list(tmp_path.iterdir()) == []


def test_a_bad_key_of_the_environment_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="number 1 in LOGKEEP_SECRET_KEY is no key"):
        load_vault(text="hunter2", path=tmp_path / "secret.key")


@pytest.mark.parametrize("text", [f"{TWO}\n{ONE}\n", f"\n {TWO} , {ONE}", f"{TWO},{ONE},"])
def test_a_key_file_holds_a_key_a_line_or_commas_between(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(text)
    path.chmod(0o600)
    vault = load_vault(text="", path=path)
    assert vault.open(Vault([ONE]).seal(SECRETS)) == SECRETS
    assert not vault.stale(Vault([TWO]).seal(SECRETS))


def test_a_missing_key_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    before = os.umask(0)
    try:
        sealed = load_vault(text=" \n", path=path).seal(SECRETS)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert load_vault(text="", path=path).open(sealed) == SECRETS
    assert Vault([path.read_text().strip()]).open(sealed) == SECRETS


def test_two_starts_at_once_end_with_one_key(tmp_path: Path) -> None:
    path, ready = tmp_path / "secret.key", Barrier(4)

    def start(_: int) -> Vault:
        ready.wait()
        return load_vault(text="", path=path)

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(start, range(4))
    sealed = first.seal(SECRETS)
    assert [one.open(sealed) for one in others] == [SECRETS] * 3
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret.key"
    path.write_text(ONE)
    path.chmod(mode)
    with pytest.raises(BadSetting, match=f"{path} has mode {mode:03o}") as caught:
        load_vault(text="", path=path)
    assert f"chmod 600 {path}" in caught.value.hint


def test_a_key_file_without_a_key_is_a_bad_setting_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(b"\n")
    path.chmod(0o600)
    with pytest.raises(BadSetting, match=f"there is no key in the key file {path}"):
        load_vault(text="", path=path)
    path.write_bytes(b"\xff" * 44)
    with pytest.raises(BadSetting, match=f"number 1 in the key file {path} is no key"):
        load_vault(text="", path=path)
    assert path.read_bytes() == b"\xff" * 44


def test_a_key_file_that_cannot_be_made_or_read_is_a_bad_setting(tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "secret.key", tmp_path):
        with pytest.raises(BadSetting, match=f"the key file {path} cannot be read or made") as caught:
            load_vault(text="", path=path)
        assert "LOGKEEP_SECRET_KEY" in caught.value.hint


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite")
    opened.accounts.create("main", AccountKind.LIVE, 1)
    yield opened
    opened.close()


def add_target(catalog: Catalog, name: str, secret: bytes) -> int:
    archive = Archive(id=name, account="main", state=ArchiveState.ON, created_at=1)
    target = Target(
        archive=name,
        account="main",
        provider="s3",
        options={},
        place=f"s3://{name}",
        created_at=1,
        secret=secret,
    )
    return catalog.archives.create(archive, target).target


def test_rotation_seals_again_what_another_key_sealed(catalog: Catalog) -> None:
    old, new, both = Vault([ONE]), Vault([TWO]), Vault([TWO, ONE])
    kept = new.seal({"a": "new"})
    for name, secret in (("before", old.seal(SECRETS)), ("none", b""), ("after", kept)):
        add_target(catalog, name, secret)
    assert rotate(both, catalog.archives) == 1
    assert rotate(both, catalog.archives) == 0
    assert [new.open(one.secret) for one in catalog.archives.targets_of_account("main")] == [
        SECRETS,
        {},
        {"a": "new"},
    ]
    assert catalog.archives.target(3).secret == kept


def test_rotation_leaves_what_no_key_opens(catalog: Catalog) -> None:
    secrets = [Vault([one]).seal(SECRETS) for one in (ONE, THREE, ONE)]
    for number, secret in enumerate(secrets):
        add_target(catalog, f"a{number}", secret)
    assert rotate(Vault([TWO, ONE]), catalog.archives) == 2
    first, second, third = [one.secret for one in catalog.archives.targets_of_account("main")]
    assert [Vault([TWO]).open(one) for one in (first, third)] == [SECRETS, SECRETS]
    assert second == secrets[1]


class ChangedMeanwhile:
    """Archives whose credentials are changed right after they were read for a rotation."""

    def __init__(self, catalog: Catalog) -> None:
        self._archives = catalog.archives

    def sealed_secrets(self) -> Sequence[tuple[int, bytes]]:
        found = self._archives.sealed_secrets()
        self._archives.reconnect(found[0][0], "s3", {}, b"changed")
        return found

    def reseal(self, target_id: int, secret: bytes, *, was: bytes) -> bool:
        return self._archives.reseal(target_id, secret, was=was)


def test_credentials_that_change_during_a_rotation_stay_as_they_were_changed(catalog: Catalog) -> None:
    number = add_target(catalog, "old", Vault([ONE]).seal(SECRETS))
    assert rotate(Vault([TWO, ONE]), ChangedMeanwhile(catalog)) == 0
    assert catalog.archives.target(number).secret == b"changed"
