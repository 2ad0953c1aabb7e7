from __future__ import annotations

from logkeep.restore.chunks import ChunkSpec, Piece, Selected, Span, cut, target_bytes

MIB = 1 << 20


def blocks(count: int, *, raw: int = 10, within: bool = True, start: int = 0) -> tuple[Span, ...]:
    return tuple(
        Span(offset=(start + n) * 4, length=4, lines=2, raw_bytes=raw, within=within) for n in range(count)
    )


def selected(key: str, count: int, *, whole: bool = True, dedupe: bool = False, raw: int = 10) -> Selected:
    return Selected(
        key=key, size=count * 4, spans=blocks(count, raw=raw), whole=whole, target=0, dedupe=dedupe
    )


def test_small_objects_share_a_chunk_and_stay_whole() -> None:
    assert list(cut([selected("a", 2), selected("b", 3)], 60, exact=True)) == [
        ChunkSpec(
            pieces=(
                Piece(key="a", size=8, lines=4, raw_bytes=20),
                Piece(key="b", size=12, lines=6, raw_bytes=30),
            ),
            lines=10,
        )
    ]


def test_an_object_that_no_longer_fits_opens_the_next_chunk() -> None:
    chunks = list(cut([selected("a", 4), selected("b", 3)], 60, exact=True))
    assert [[piece.key for piece in chunk.pieces] for chunk in chunks] == [["a"], ["b"]]


def test_a_large_object_is_cut_into_runs_of_about_equal_size() -> None:
    chunks = list(cut([selected("a", 7)], 30, exact=True))
    assert [chunk.pieces[0].ranges for chunk in chunks] == [((0, 12),), ((12, 12),), ((24, 4),)]
    assert [chunk.lines for chunk in chunks] == [6, 6, 2]


def test_blocks_that_are_not_neighbours_are_read_apart() -> None:
    one = Selected(key="a", size=100, spans=(*blocks(2), *blocks(1, start=5)), whole=False, target=0)
    assert [piece.ranges for chunk in cut([one], 60, exact=True) for piece in chunk.pieces] == [
        ((0, 8), (20, 4))
    ]


def test_a_chunk_with_a_block_that_is_partly_outside_has_no_known_count() -> None:
    one = Selected(
        key="a", size=12, spans=(*blocks(2), *blocks(1, start=2, within=False)), whole=True, target=0
    )
    assert [chunk.lines for chunk in cut([one], 20, exact=True)] == [4, None]


def test_with_a_query_no_count_is_known() -> None:
    assert [chunk.lines for chunk in cut([selected("a", 2)], 60, exact=False)] == [None]


def test_every_block_of_many_objects_is_in_exactly_one_chunk() -> None:
    objects = [selected(f"o{n}", n % 9 + 1, raw=7 + n) for n in range(50)]
    chunks = list(cut(objects, 100, exact=True))
    assert sum(chunk.lines or 0 for chunk in chunks) == sum(2 * len(one.spans) for one in objects)
    assert sum(piece.stored_bytes for chunk in chunks for piece in chunk.pieces) == sum(
        one.size for one in objects
    )


def test_a_spec_is_the_same_after_it_stood_in_the_ledger() -> None:
    spec = ChunkSpec(pieces=(Piece(key="a", size=8, ranges=((0, 4),), lines=2, raw_bytes=10),), dedupe=True)
    assert ChunkSpec.decode(spec.encode()) == spec
    assert spec.encode() == (
        b'{"pieces":[{"key":"a","size":8,"ranges":[[0,4]],"lines":2,"raw_bytes":10}],"dedupe":true}'
    )


def test_a_small_restore_is_cut_finer_and_a_large_one_never_above_128_mib() -> None:
    assert [target_bytes(size * MIB) for size in (0, 10, 100, 800, 5000)] == [
        8 * MIB,
        8 * MIB,
        100 * MIB // 8,
        100 * MIB,
        128 * MIB,
    ]
