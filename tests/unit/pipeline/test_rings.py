"""Rings of pipelines: over accounts, and over the ingest addresses of the same server."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from logkeep.errors import BadPipeline
from logkeep.pipeline import model
from logkeep.pipeline.check import check
from logkeep.pipeline.rings import rings

OWN = ("http://127.0.0.1:7280", "https://Logs.Example.org/keep/", "")
HTTP = model.HttpSource(name="in")


def to_account(account: str) -> model.ToAccount:
    return model.ToAccount(name="out", account=account)


def to_pipeline(id_: str, base: str = "http://127.0.0.1:7280") -> model.ToHttp:
    return model.ToHttp(name="out", url=f"{base}/v1/pipelines/{id_}/ingest")


def pipeline(id_: str, source: model.Source | str, *destinations: model.Destination) -> model.PipelineSpec:
    """A text as source is the account that it reads."""
    if isinstance(source, str):
        source = model.AccountSource(name="in", account=source)
    return model.PipelineSpec(id=id_, sources=(source,), destinations=destinations)


def found(
    spec: model.PipelineSpec, *others: model.PipelineSpec, own: Sequence[str] = OWN
) -> list[tuple[str, str]]:
    """(path, ring)"""
    told = list(rings(spec, others, own))
    assert all(hint for _, _, hint in told)
    return [(path, message.partition(": ")[2]) for path, message, _ in told]


M1 = pipeline("m1", HTTP, to_account("x"))
M2 = pipeline("m2", "x", to_pipeline("m1"))


def test_a_ring_over_an_account_and_the_own_address_is_found_from_either_side() -> None:
    assert found(M2, M1) == [
        ("destinations[0].url", "account x -> pipeline m2 -> pipeline m1 -> account x"),
    ]
    assert found(M1, M2) == [
        ("destinations[0].account", "pipeline m2 -> pipeline m1 -> account x -> pipeline m2"),
    ]


def test_a_ring_of_addresses_alone_is_found() -> None:
    assert found(pipeline("p", HTTP, to_pipeline("p"))) == [
        ("destinations[0].url", "pipeline p -> pipeline p")
    ]
    there, back = pipeline("p", HTTP, to_pipeline("q")), pipeline("q", HTTP, to_pipeline("p"))
    assert found(there, back) == [("destinations[0].url", "pipeline q -> pipeline p -> pipeline q")]


def test_each_destination_that_closes_a_ring_is_named() -> None:
    both = pipeline("m", HTTP, model.ToStdout(name="o"), to_account("x"), to_pipeline("m"))
    assert [path for path, _ in found(both, pipeline("n", "x", to_pipeline("m")))] == [
        "destinations[1].account",
        "destinations[2].url",
    ]


@pytest.mark.parametrize(
    "base",
    [
        "http://localhost:7280",
        "http://LOCALHOST.:7280",
        "http://logs.localhost:7280",
        "http://127.0.0.2:7280",
        "http://[::1]:7280",
        "http://[0:0:0:0:0:0:0:1]:7280",
        "http://[::ffff:127.0.0.1]:7280",
        "http://0.0.0.0:7280",
        "https://logs.example.org/keep",
        "https://LOGS.example.org.:443/keep/",
        "https://localhost/keep",
    ],
)
def test_an_address_of_the_server_is_known_in_every_form(base: str) -> None:
    assert found(pipeline("p", HTTP, to_pipeline("p", base))) != []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:7280/v1/pipelines/%70/ingest?app=shop",
        "http://127.0.0.1:7280/v1/pipelines/p/ingest/",
    ],
)
def test_a_path_is_known_in_every_form(url: str) -> None:
    assert found(pipeline("p", HTTP, model.ToHttp(name="out", url=url))) != []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:7281/v1/pipelines/p/ingest",
        "http://logs.example.com:7280/v1/pipelines/p/ingest",
        "https://logs.example.org/v1/pipelines/p/ingest",
        "https://logs.example.org/other/v1/pipelines/p/ingest",
        "http://127.0.0.1:7280/v1/pipelines/other/ingest",
        "http://127.0.0.1:7280/v1/pipelines/p",
        "http://127.0.0.1:7280/v1/ingest",
        "http://127.0.0.1:77777/v1/pipelines/p/ingest",
        "http://[127.0.0.1:7280/v1/pipelines/p/ingest",
        "ftp://127.0.0.1:7280/v1/pipelines/p/ingest",
        "/v1/pipelines/p/ingest",
        "",
    ],
)
def test_any_other_address_leads_elsewhere(url: str) -> None:
    assert found(pipeline("p", HTTP, model.ToHttp(name="out", url=url))) == []


def test_nothing_is_known_of_addresses_where_the_own_ones_are_not() -> None:
    assert found(M2, M1, own=()) == []


@pytest.mark.parametrize(
    "others",
    [
        [pipeline("m1", HTTP, to_account("y"))],  # it ends there
        [pipeline("m1", "z", to_account("x"))],  # takes no requests
        [],
        [pipeline("m2", HTTP, to_account("x"))],  # itself, as it was
    ],
)
def test_what_comes_to_an_end_is_no_ring(others: list[model.PipelineSpec]) -> None:
    assert found(M2, *others) == []


def test_what_delivers_to_itself_and_takes_no_requests_is_no_ring() -> None:
    assert found(pipeline("p", "x", to_pipeline("p"))) == []


def test_a_check_of_a_pipeline_tells_its_rings() -> None:
    named = {"accounts": {"main", "x"}, "build_processor": print, "check_destination": lambda _: None}
    check(M2, [M1], **named)  # type: ignore[arg-type]
    with pytest.raises(BadPipeline, match="pipeline m2 -> pipeline m1 -> account x"):
        check(M2, [M1], own_urls=OWN, **named)  # type: ignore[arg-type]
