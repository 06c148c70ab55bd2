"""Loss and score curves of a training as one SVG file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import number
from auditkit.schema import Training

_WIDTH, _HEIGHT = 340, 190
_LEFT, _TOP, _GAP = 52, 34, 60
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Mark:
    """A mark on an axis."""

    position: str
    label: str


@dataclass(frozen=True)
class Curve:
    """One line of a panel."""

    name: str
    style: str
    """`learnt` (solid) or `held` (dashed, with dots)."""
    path: str
    """Points of a polyline."""
    dots: tuple[tuple[str, str], ...]
    legend: int
    """Horizontal position of its name."""


@dataclass(frozen=True)
class CurvePanel:
    """One drawing with its axes."""

    title: str
    left: int
    curves: tuple[Curve, ...]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    best: str
    """Position of the epoch that was kept."""


@dataclass(frozen=True)
class Drawing:
    """Both panels, with the words that stand in for them."""

    title: str
    description: str
    panels: tuple[CurvePanel, ...]
    across: str
    """What the horizontal axes show."""
    width: int
    height: int
    top: int
    inner_width: int
    inner_height: int


def render(training: Training) -> bytes:
    """The curves as SVG, UTF-8: a pure function of the record, byte for byte."""
    return _environment().get_template("curves.svg.j2").render(drawing=drawing(training)).encode("utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("auditkit.render"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )


def drawing(training: Training) -> Drawing:
    """Turn curves into positions in pixels."""
    learnt = [(p.epoch, p.training_loss) for p in training.curve if p.training_loss is not None]
    held = [(p.epoch, p.validation_loss) for p in training.curve if p.validation_loss is not None]
    scores = [(p.epoch, p.validation_score) for p in training.curve if p.validation_score is not None]
    last = max((point.epoch for point in training.curve), default=1.0)
    first, second = _LEFT, _LEFT + _WIDTH + _GAP
    panels = (
        _panel(say("curves.loss"), first, {
            say("curves.training"): ("learnt", learnt), say("curves.validation"): ("held", held),
        }, last, training),
        _panel(training.score[:1].upper() + training.score[1:], second, {
            say("curves.validation"): ("held", scores),
        }, last, training),
    )
    return Drawing(
        title=say("curves.title"),
        description=say(
            "curves.description", losses=_losses(held), scores=_scores(training, scores),
            epoch=number(training.best_epoch),
        ),
        panels=panels, across=say("curves.epoch"), width=second + _WIDTH + 20, height=_TOP + _HEIGHT + 44, top=_TOP,
        inner_width=_WIDTH, inner_height=_HEIGHT,
    )


def _losses(points: Points) -> str:
    if not points:
        return say("curves.no_loss")
    return say("curves.losses", first=number(points[0][1]), last=number(points[-1][1]))


def _scores(training: Training, points: Points) -> str:
    if not points:
        return say("curves.no_score")
    return say("curves.scores", score=training.score, first=number(points[0][1]), last=number(points[-1][1]))


def _panel(
    title: str, left: int, lines: dict[str, tuple[str, Points]], last: float, training: Training
) -> CurvePanel:
    values = [value for _, points in lines.values() for _, value in points]
    low, high, step = _axis(min(values, default=0.0), max(values, default=1.0))

    def x(epoch: float) -> float:
        """Horizontal position of an epoch, in SVG units."""
        return left + _WIDTH * epoch / last

    def y(value: float) -> float:
        """Vertical position of a value, in SVG units from the top."""
        return _TOP + _HEIGHT * (high - value) / (high - low)

    curves = []
    for place, (name, (style, points)) in enumerate(lines.items()):
        placed = tuple((f"{x(epoch):.1f}", f"{y(value):.1f}") for epoch, value in points)
        path = " ".join(",".join(point) for point in placed)
        curves.append(Curve(name, style, path, placed if style == "held" else (), left + 110 + 90 * place))
    every = max(1, math.ceil(last / 6))
    across = tuple(Mark(f"{x(epoch):.1f}", str(epoch)) for epoch in range(0, math.floor(last) + 1, every))
    marks = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    up = tuple(Mark(f"{y(mark * step):.1f}", number(round(mark * step, 10))) for mark in marks)
    return CurvePanel(title, left, tuple(curves), across, up, f"{x(training.best_epoch):.1f}")


def _axis(low: float, high: float) -> tuple[float, float, float]:
    """An axis around [low, high]: start, stop and step, at most six marks."""
    span = max(high - low, 1e-3 * max(abs(high), 1e-3))
    power = 10.0 ** math.floor(math.log10(span / 5))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if span / (power * factor) <= 5)
    start, stop = math.floor(low / step) * step, math.ceil(high / step) * step
    return start, stop if stop > start else start + step, step
