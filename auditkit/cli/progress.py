"""Progress on the terminal: one live line, or plain lines when it is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from auditkit.schema.event import Event, OnEvent, ignore


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[OnEvent]:
    """A function that draws events on standard error, so that standard output stays clean.

    Args:
        quiet: draw nothing.
    """
    if quiet:
        yield ignore
    elif sys.stderr.isatty():
        with _live() as on_event:
            yield on_event
    else:
        yield _Plain()


class _Plain:
    """A line a message; of counted work, a line each tenth."""

    def __init__(self) -> None:
        self.tenth: dict[str, int] = {}

    def __call__(self, event: Event) -> None:
        if event.total:
            tenth = 10 * (event.done or 0) // event.total
            if self.tenth.get(event.stage) == tenth:
                return
            self.tenth[event.stage] = tenth
            print(f"{event.stage}: {event.done}/{event.total} {event.message}", file=sys.stderr, flush=True)
        else:
            print(f"{event.stage}: {event.message}", file=sys.stderr, flush=True)


@contextmanager
def _live() -> Iterator[OnEvent]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.fields[stage]:8}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.description}"), console=console, transient=True,
    )
    tasks: dict[str, object] = {}
    with bar:

        def on_event(event: Event) -> None:
            if not event.total:
                console.print(f"[dim]{event.stage:8}[/] {escape(event.message)}", highlight=False)
                return
            if event.stage not in tasks:
                tasks[event.stage] = bar.add_task("", total=event.total, stage=event.stage)
            bar.update(
                tasks[event.stage],  # type: ignore[arg-type]
                completed=event.done, total=event.total, description=escape(event.message),
            )

        yield on_event
