"""Garbage is looked for rarely in some steps, and as before behind them."""

from __future__ import annotations

import gc

import pytest

from auditkit.pipeline.around.collection import THRESHOLDS, rare_collection


def test_thresholds_come_back_whatever_happens() -> None:
    before = gc.get_threshold()
    with pytest.raises(KeyError), rare_collection():
        assert gc.get_threshold() == THRESHOLDS
        raise KeyError
    assert gc.get_threshold() == before
