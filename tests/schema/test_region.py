"""What a bound allows, for judging and for drawing alike."""

from __future__ import annotations

from auditkit.schema import Region


def test_direction_decides_the_side() -> None:
    assert Region.allowed(0.1, "lower", None) == Region(low=None, high=0.1)
    assert Region.allowed(0.8, "higher", None) == Region(low=0.8, high=None)
    assert Region.allowed(0.1, "middle", 0.5) == Region(low=0.4, high=0.6)


def test_an_interval_on_the_bound_is_neither_inside_nor_outside() -> None:
    region = Region.allowed(0.1, "lower", None)
    assert (region.holds(0.0, 0.1), region.misses(0.1, 0.2)) == (False, False)
    assert (region.holds(0.0, 0.09), region.misses(0.11, 0.2)) == (True, True)


def test_an_unbounded_end_is_never_inside() -> None:
    assert not Region.allowed(0.1, "lower", None).holds(0.0, None)
    assert not Region.allowed(0.1, "middle", 0.5).holds(None, 0.55)
    assert not Region.allowed(0.1, "lower", None).misses(None, None)


def test_within_a_metrics_range() -> None:
    assert Region.allowed(0.1, "lower", None).within((0.0, 1.0)) == (0.0, 0.1)
    assert Region.allowed(0.8, "middle", 0.5).within((0.0, 1.0)) == (0.0, 1.0)
    assert Region.allowed(0.1, "middle", 0.5).limits == (0.4, 0.6)
