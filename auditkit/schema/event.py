"""Progress, passed down as `on_event`; only the command line draws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


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


OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Draw nothing."""
