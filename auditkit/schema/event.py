"""Progress, passed down as `on_event`; only the command line draws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class PackProgress:
    """How far one pack is."""

    name: str
    done: int
    """Requests answered."""
    total: int


@dataclass(frozen=True)
class Event:
    """Something that happened while an audit ran."""

    stage: str
    """load, run, measure, explain, judge or render."""
    message: str
    """One line for people."""
    done: int | None = None
    """Units finished, where the stage counts."""
    total: int | None = None
    """Units in all."""
    left: float | None = None
    """Seconds until the stage is done, at the rate so far."""
    parts: tuple[PackProgress, ...] = ()
    """The same by pack."""


OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Draw nothing."""
