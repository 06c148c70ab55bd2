"""Files of a mirror, or that were downloaded, which hold far more than their card pins."""

from __future__ import annotations

import bz2
import gzip
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from auditkit.errors import PackError
from auditkit.load.files import File, unpack

PACKERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress}
BIG = b"a" * (48 << 20)


def attack(name: str, folder: Path) -> Path:
    """A file that decompresses to 48 MiB, or is as long as that."""
    path = folder / f"rows{'' if '.' not in name else '.' + name.split('.')[1]}"
    if name.startswith("members"):
        path.write_bytes(gzip.compress(b"a" * (1 << 20)) * 48)
    elif "." in name:
        path.write_bytes(PACKERS[path.suffix](BIG))
    else:
        with path.open("wb") as file:
            os.truncate(file.fileno(), 6 << 30)  # a hole: no disk is used
    return path


@pytest.mark.parametrize("name", ["a bomb.gz", "a bomb.bz2", "members.gz", "a hole"])
def test_no_more_is_read_than_is_pinned(name: str, tmp_path: Path) -> None:
    path = attack(name, tmp_path)
    tracemalloc.start()
    try:
        with pytest.raises(PackError, match="more than the 1,000 bytes"):
            File("rows.jsonl", path, "p/rows.jsonl", 1000).content()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2"])
@pytest.mark.parametrize("size", [0, 1, 999, 1000])
def test_what_fits_is_read(suffix: str, size: int, tmp_path: Path) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(PACKERS.get(suffix, bytes)(b"x" * size))
    assert unpack(path, suffix, 1000) == b"x" * size
    if size == 1000:
        with pytest.raises(PackError):
            unpack(path, suffix, 999)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b", b"no gzip", gzip.compress(b"abc", mtime=0)[:-6], b"\x1f\x8b\x08\xff" * 9],
    ids=["nothing", "two bytes", "no gzip", "cut off", "odd flags"],
)
def test_a_damaged_file_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows.gz"
    path.write_bytes(content)
    if content == b"":
        assert File("rows.jsonl", path, "rows").content() == b""
        return
    with pytest.raises(PackError) as refusal:
        File("rows.jsonl", path, "rows").content()
    assert "\n" not in str(refusal.value)
