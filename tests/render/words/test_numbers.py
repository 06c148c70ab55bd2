"""Numbers as they are printed."""

from __future__ import annotations

from auditkit.render.words.numbers import (
    CHANGE,
    PERCENT,
    SIGNED,
    count,
    duration,
    level,
    number,
    p_value,
    seconds,
    size,
)


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ")



def test_durations_and_sizes() -> None:
    texts = [seconds(4.24), seconds(200.2), seconds(7500), size(3 * 2**20), size(3 * 2**30)]
    assert [_plain(text) for text in texts] == ["4.2 s", "3 min 20 s", "2 h 5 min", "3 MiB", "3.00 GiB"]


def test_short_durations_are_in_milliseconds() -> None:
    assert [_plain(duration(value)) for value in (0.0412, 2.5, None)] == ["41.2 ms", "2.5 s", "not measured"]


def test_a_sign_stands_where_the_scale_has_one_and_never_before_zero() -> None:
    assert [SIGNED.bare(value) for value in (0.5, -0.5, -0.0001)] == ["+0.500", "\u22120.500", "0.000"]
    assert _plain(CHANGE.full(-0.123)) == "\u221212.3 points"


def test_an_undefined_number_has_no_unit() -> None:
    assert PERCENT.full(None) == "undefined"
    assert PERCENT.interval(None, None) == "none"
    assert _plain(PERCENT.interval(None, 1.0)) == "[undefined, 100.0]"


def test_counts_levels_and_small_numbers() -> None:
    assert count(1234567) == "1,234,567"
    assert _plain(level(0.9999)) == "99.99 %"
    assert number(-0.25) == "\u22120.25"
    assert [p_value(value) for value in (0.00001, 0.02134)] == ["< 0.0001", "0.0213"]
