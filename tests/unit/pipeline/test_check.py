"""What a pipeline means: names, bounds, queries, its parts' own settings, accounts, rings."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from logkeep.errors import BadPipeline, BadSetting, Conflict, Overloaded
from logkeep.pipeline import model
from logkeep.pipeline.check import check, default_names

SOURCE = model.HttpSource(name="in")
DESTINATION = model.ToStdout(name="out")


def pipeline(
    *destinations: model.Destination,
    sources: Sequence[model.Source] = (SOURCE,),
    processors: Sequence[model.Processor] = (),
    id: str = "p",  # noqa: A002 - its name there
    title: str = "",
    account: str = "main",
) -> model.PipelineSpec:
    return model.PipelineSpec(
        id=id,
        title=title,
        account=account,
        sources=tuple(sources),
        processors=tuple(processors),
        destinations=destinations or (DESTINATION,),
    )


def feeding(id_: str, source: str, destination: str) -> model.PipelineSpec:
    """A pipeline from one account to another."""
    return pipeline(
        model.ToAccount(name="out", account=destination),
        sources=(model.AccountSource(name="in", account=source),),
        id=id_,
    )


def run(
    spec: model.PipelineSpec,
    others: Sequence[model.PipelineSpec] = (),
    built: list[object] | None = None,
    error: Exception | None = None,
) -> None:
    """Check it; what is built is noted, or refused with the error."""

    def build(part: object) -> None:
        if built is not None:
            built.append(part)
        if error is not None:
            raise error

    check(spec, others, accounts={"main", "a", "b", "c"}, build_processor=build, check_destination=build)


def found(
    spec: model.PipelineSpec, others: Sequence[model.PipelineSpec] = (), error: Exception | None = None
) -> list[tuple[object, object, object]]:
    with pytest.raises(BadPipeline) as caught:
        run(spec, others, error=error)
    assert {one["line"] for one in caught.value.problems} == {0}
    return [(one["path"], one["message"], one["hint"]) for one in caught.value.problems]


def test_a_sound_pipeline_passes_and_all_of_its_parts_are_tried() -> None:
    processor = model.Filter(query="a AND NOT b")
    built: list[object] = []
    run(pipeline(processors=(processor,)), built=built)
    assert built == [processor, DESTINATION]


def test_parts_without_a_name_get_their_type_as_one() -> None:
    spec = pipeline(
        model.ToStdout(),
        model.ToStdout(name="stdout-2"),
        model.ToStdout(),
        model.ToFile(path="x"),
        sources=(model.HttpSource(name="restoration"), model.RestorationSource()),
        processors=(model.Drop(fields=("a",)),),
    )
    named = default_names(spec)
    assert [one.name for one in named.destinations] == ["stdout", "stdout-2", "stdout-3", "file"]
    assert [one.name for one in named.sources] == ["restoration", "restoration-2"]
    assert named.processors == spec.processors
    assert default_names(named) == named
    run(named)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    spec = pipeline(
        model.ToFile(name="A", path="x", query="(", batch=model.BatchLimits(events=0, age="2h")),
        model.ToFile(name="A", path="y", buffer="1KiB"),
        model.ToAccount(name="log", account="nobody"),
        sources=(model.AccountSource(account="nowhere"), model.HttpSource(name="in", title="a\nb")),
        processors=(model.Filter(query='"'), model.Dedupe(name="filter-1", window="long")),
        id="Web Logs",
        title="x" * 201,
        account="ghost",
    )
    assert [path for path, _, _ in found(spec)] == [
        "id",
        "title",
        "account",
        "sources[0].name",
        "sources[0].account",
        "sources[1].title",
        "processors[1].name",
        "processors[0].query",
        "processors[1].window",
        "destinations[1].name",
        "destinations[0].name",
        "destinations[0].query",
        "destinations[0].batch.events",
        "destinations[0].batch.age",
        "destinations[1].name",
        "destinations[1].buffer",
        "destinations[2].account",
    ]


NAME_HINT = "use 1 to 63 lower-case letters, digits and dashes, the first not a dash"


@pytest.mark.parametrize(
    ("spec", "path", "message", "hint"),
    [
        (pipeline(id="-p"), "id", "'-p' cannot be the id of a pipeline", NAME_HINT),
        (pipeline(id="p" * 64), "id", f"'{'p' * 64}' cannot be the id of a pipeline", NAME_HINT),
        (
            pipeline(sources=(model.HttpSource(),)),
            "sources[0].name",
            "the name of a source is missing",
            NAME_HINT,
        ),
        (
            pipeline(sources=()),
            "sources",
            "there is no source, and one at least is needed",
            "write sources: with - type: ... below",
        ),
        (
            pipeline(account="x"),
            "account",
            "there is no account 'x' that takes lines in",
            "see the accounts with: logkeep account ls",
        ),
        (
            pipeline(sources=(SOURCE, SOURCE)),
            "sources[1].name",
            "'in' is the name of sources[0] already",
            "give each its own name",
        ),
        (
            pipeline(processors=(model.Drop(fields=()), model.Drop(name="drop-1", fields=()))),
            "processors[1].name",
            "'drop-1' is the name of processors[0] already",
            "give each its own name",
        ),
        (
            pipeline(sources=(model.AccountSource(name="t", account="a", query="level:(error"),)),
            "sources[0].query",
            "column 13: the query ends too early",
            "expected ')' for the '(' at column 7",
        ),
        (
            pipeline(processors=(model.Filter(query="x" * 4097),)),
            "processors[0].query",
            "it has 4097 characters, and at most 4096 may be",
            "use several processors of type filter",
        ),
        (
            pipeline(model.ToStdout(name="o", buffer="2TiB")),
            "destinations[0].buffer",
            "'2TiB' is not from 1MiB to 1TiB",
            "write 1MiB to 1TiB",
        ),
        (
            pipeline(model.ToStdout(name="o", batch=model.BatchLimits(bytes="1 MB"))),
            "destinations[0].batch.bytes",
            "'1 MB' is not a size, such as 10MiB",
            "write 1 to 32MiB",
        ),
        (
            pipeline(model.ToStdout(name="o", batch=model.BatchLimits(age=-1))),
            "destinations[0].batch.age",
            "-1 is not a duration, such as 10s",
            "write 0 to 1h",
        ),
        (
            pipeline(model.ToStdout(name="o", batch=model.BatchLimits(events=100_001))),
            "destinations[0].batch.events",
            "100001 is not from 1 to 100000",
            "write 1 to 100000",
        ),
        (
            pipeline(model.ToHttp(name="o", url="u", secrets={"tokn": "x"})),
            "destinations[0].secrets.tokn",
            "a destination of type http has no such secret",
            "did you mean token? its secrets are: token, password, header.NAME",
        ),
        (
            pipeline(model.ToHttp(name="o", url="u", secrets={"header.": "x"})),
            "destinations[0].secrets.header.",
            "a destination of type http has no such secret",
            "did you mean header.NAME? its secrets are: token, password, header.NAME",
        ),
        (
            pipeline(
                model.ToArchive(name="x", provider="s3", archive="one"),
                model.ToArchive(name="y", provider="s3", archive="one"),
            ),
            "destinations[1].archive",
            "destinations[0] is the archive 'one' already",
            "give each its own archive",
        ),
    ],
)
def test_a_problem_says_what_to_write_instead(
    spec: model.PipelineSpec, path: str, message: str, hint: str
) -> None:
    assert found(spec) == [(path, message, hint)]


@pytest.mark.parametrize(
    "destination",
    [
        model.ToHttp(name="o", url="u", secrets={"token": None, "header.X-Key": "x"}),
        model.ToArchive(name="o", provider="s3", secrets={"secret_access_key": "x"}),
        model.ToStdout(
            name="o", buffer="1TiB", batch=model.BatchLimits(events=100_000, bytes="32MiB", age=0)
        ),
    ],
)
def test_what_is_at_its_bounds_passes(destination: model.Destination) -> None:
    run(pipeline(destination))


def test_what_a_part_says_of_its_settings_is_told_with_its_place() -> None:
    spec = pipeline(processors=(model.Drop(fields=("id",)),))
    told = BadSetting("'id' cannot be taken away", hint="name another", field="fields")
    assert found(spec, error=told) == [
        ("processors[0].fields", "'id' cannot be taken away", "name another"),
        ("destinations[0].fields", "'id' cannot be taken away", "name another"),
    ]
    assert found(pipeline(), error=Conflict("taken", hint="move")) == [("destinations[0]", "taken", "move")]


def test_a_part_whose_settings_are_wrong_already_is_not_tried() -> None:
    wrong = pipeline(model.ToStdout(name="o", query="("), processors=(model.Filter(query="("),))
    built: list[object] = []
    with pytest.raises(BadPipeline):
        run(wrong, built=built)
    assert [type(one) for one in built] == [model.ToStdout]  # a filter without a query is none


def test_a_setting_that_is_wrong_hides_no_other() -> None:
    destination = model.ToHttp(name="o", url="ftp://a", timeout="soon", secrets={"tokn": None, "token": None})
    processor = model.Dedupe(fields=("nothing",), window="long")
    built: list[object] = []
    with pytest.raises(BadPipeline) as caught:
        run(
            pipeline(destination, processors=(processor,)),
            built=built,
            error=BadSetting("no", field="url"),
        )
    assert built == [
        model.Dedupe(fields=("nothing",)),
        model.ToHttp(name="o", url="ftp://a", secrets={"token": None}),
    ]
    assert [one["path"] for one in caught.value.problems] == [
        "processors[0].window",
        "processors[0].url",
        "destinations[0].timeout",
        "destinations[0].secrets.tokn",
        "destinations[0].url",
    ]


@pytest.mark.parametrize("id_", ["new", "restoration-sources", "restore", "test"])
def test_ids_that_mean_something_else_are_refused(id_: str) -> None:
    assert found(pipeline(id=id_)) == [("id", f"no pipeline can be called {id_!r}", "choose another id")]


def test_an_archive_is_not_called_as_a_page_is() -> None:
    kept = model.ToArchive(name="kept", provider="s3", archive="new")
    assert found(pipeline(kept)) == [
        ("destinations[0].archive", "no archive can be called 'new'", "choose another id")
    ]


def test_what_would_pass_is_no_problem_of_the_pipeline() -> None:
    with pytest.raises(Overloaded):
        run(pipeline(), error=Overloaded("the catalog is locked"))


RING_HINT = "deliver to another account, or read from another one"


@pytest.mark.parametrize(
    ("spec", "others", "ring"),
    [
        (feeding("p", "a", "a"), [], "account a -> pipeline p -> account a"),
        (
            feeding("p", "a", "b"),
            [feeding("q", "b", "a")],
            "account a -> pipeline p -> account b -> pipeline q -> account a",
        ),
        (
            feeding("p", "a", "b"),
            [feeding("r", "c", "a"), feeding("x", "b", "b"), feeding("q", "b", "c")],
            "account a -> pipeline p -> account b -> pipeline q -> account c -> pipeline r -> account a",
        ),
    ],
)
def test_a_ring_is_refused_and_spelled_out(
    spec: model.PipelineSpec, others: list[model.PipelineSpec], ring: str
) -> None:
    told = ("destinations[0].account", f"events would go round without end: {ring}", RING_HINT)
    assert found(spec, others) == [told]


@pytest.mark.parametrize(
    "others",
    [
        [feeding("q", "b", "c")],  # a chain
        [feeding("q", "c", "a"), feeding("r", "c", "b")],  # two ways from the same account
        [feeding("p", "b", "a")],  # the pipeline itself, as it was
        [feeding("q", "b", "c"), feeding("r", "c", "b")],  # a ring that does not go through it
    ],
)
def test_what_comes_to_an_end_is_no_ring(others: list[model.PipelineSpec]) -> None:
    run(feeding("p", "a", "b"), others)


def test_two_sources_and_two_destinations_make_a_ring_where_they_meet() -> None:
    spec = pipeline(
        model.ToAccount(name="x", account="b"),
        model.ToAccount(name="y", account="c"),
        sources=(
            SOURCE,
            model.AccountSource(name="a", account="a"),
            model.AccountSource(name="c", account="c"),
        ),
    )
    assert [path for path, _, _ in found(spec)] == ["destinations[1].account"]
    apart = msgspec.structs.replace(spec, destinations=spec.destinations[:1])
    run(apart)
