"""Numbers beyond what is held come back from a file without a name."""

from __future__ import annotations

import errno

import pytest

from auditkit.errors import MeasurementError
from auditkit.store import numbers
from auditkit.store.numbers import Numbers


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_what_was_added_and_no_more(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(numbers, "_CHUNK", chunk)
    added, seen = Numbers(tmp_path), []
    for number in range(11):
        seen.append((added.frozen(), [each / 3 for each in range(number)]))
        added.append(number / 3)
    for frozen, expected in seen:
        assert list(frozen) == expected
        assert len(frozen) == len(expected)
        assert bool(frozen) == bool(expected)
    assert 2 / 3 in seen[5][0]
    assert 2 / 3 not in seen[2][0]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_names_the_folder(tmp_path, monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(numbers, "_CHUNK", 2)
    monkeypatch.setattr(numbers, "TemporaryFile", full)
    added = Numbers(tmp_path)
    added.append(1.0)
    with pytest.raises(MeasurementError, match=f"^{tmp_path}: the disk .* is full; free space"):
        added.append(2.0)
