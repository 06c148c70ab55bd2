"""Garbage is looked for rarely in some steps, and as before behind them."""

from __future__ import annotations

import gc

import pytest

from auditkit.pipeline.around.collection import THRESHOLDS, rare_collection


@rare_collection()
def fail(thresholds: list[tuple[int, int, int]]) -> None:
    thresholds.append(gc.get_threshold())
    raise KeyError


def test_thresholds_come_back_whatever_happens() -> None:
    before, during = gc.get_threshold(), []
    with pytest.raises(KeyError):
        fail(during)
    assert during == [THRESHOLDS]
    assert gc.get_threshold() == before
