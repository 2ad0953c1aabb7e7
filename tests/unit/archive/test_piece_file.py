from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from logkeep.archive.piece_file import PieceFile
from logkeep.errors import LogkeepError, Overloaded


def no_room(path: Path, error: OSError) -> LogkeepError:
    return Overloaded(f"{path.name}: {error.strerror}", hint="free space")


def test_pieces_come_back_in_their_order(tmp_path: Path) -> None:
    file = PieceFile(tmp_path / "pieces", zstandard.ZstdCompressor(), no_room)
    pieces = [b"one\n", b"", b"x" * 1_000_000, b"two"]
    for piece in pieces:
        file.append(piece)
    assert list(file) == pieces
    assert file.path.stat().st_size < 2000


def test_the_error_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Overloaded, match="pieces: No such file"):
        PieceFile(tmp_path / "none" / "pieces", zstandard.ZstdCompressor(), no_room).append(b"one")
