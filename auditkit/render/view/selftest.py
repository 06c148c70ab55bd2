"""The section of the self-test: what the metrics read on planted models."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.render.view.index import AuditIndex
from auditkit.render.view.names import spaced, with_bare_arm
from auditkit.render.view.section import Section
from auditkit.render.view.values import scale_of
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import DASH, RAW, Scale, count
from auditkit.schema import SelfTestReading

LONG = 12
"""More right readings than this are folded."""


@dataclass(frozen=True)
class ReadingView:
    """One planted model's reading."""

    planted: str
    metric: str
    expected: str
    value: str
    interval: str
    n: str
    ok: bool


@dataclass(frozen=True)
class SelfTestView:
    """The readings of the planted models."""

    sentence: str
    wrong: tuple[ReadingView, ...]
    right: tuple[ReadingView, ...]
    right_title: str
    folded: bool
    """Whether the right readings are enough to be closed at first."""


def selftest(index: AuditIndex) -> SelfTestView:
    """All readings in the audit's order, the wrong ones apart."""
    wrong = misread(index)
    right = tuple(_reading(item, index) for item in index.audit.selftest if item.ok)
    if not index.audit.selftest:
        sentence = say("selftest.none")
    elif wrong:
        sentence = say("selftest.some_wrong", wrong=count(len(wrong)), total=count(len(wrong) + len(right)))
    else:
        sentence = say("selftest.all_right", total=count(len(right)))
    return SelfTestView(sentence, wrong, right, say("selftest.right_folded", n=count(len(right))), len(right) > LONG)


section = Section("selftest", 600, selftest, "selftest.html.j2")


def misread(index: AuditIndex) -> tuple[ReadingView, ...]:
    """The wrong readings, in the audit's order."""
    return tuple(_reading(item, index) for item in index.audit.selftest if not item.ok)


def _reading(item: SelfTestReading, index: AuditIndex) -> ReadingView:
    """One row of the self-test's table."""
    metric = with_bare_arm(spaced(item.estimate.metric), item.estimate.arm)
    scale = _scale(item, index)
    return ReadingView(
        planted=item.planted,
        metric=say("terms.estimate", benchmark=item.estimate.benchmark, metric=metric),
        expected=say(f"selftest.expect.{item.expect}", value=_value(item.expected, scale)),
        value=_value(item.value, scale),
        interval=DASH if item.low is None or item.high is None else scale.interval(item.low, item.high),
        n=count(item.n),
        ok=item.ok,
    )


def _value(value: float | None, scale: Scale) -> str:
    """A value on the metric's scale; `undefined` for none."""
    return say("numbers.undefined") if value is None else scale.full(value)


def _scale(item: SelfTestReading, index: AuditIndex) -> Scale:
    """How the metric's values are written; plain numbers where the audit has no such estimate."""
    estimate = index.estimates.get(item.estimate)
    return RAW if estimate is None else scale_of(estimate)
