"""Progress on the terminal: one live line, or plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from auditkit.cli.terminal import one_line, stream_of
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
            left = f", {in_words(event.left)} left" if event.left else ""
            packs = ", ".join(f"{part.name} {part.done}/{part.total}" for part in event.parts)
            by_pack = f" ({packs})" if len(event.parts) > 1 else ""
            line = f"{event.stage}: {event.done}/{event.total} {event.message}{left}{by_pack}"
            print(one_line(line), file=sys.stderr, flush=True)
        else:
            print(one_line(f"{event.stage}: {event.message}"), file=sys.stderr, flush=True)


def in_words(seconds: float) -> str:
    """A duration for people: `40 s`, `12 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


@contextmanager
def _live() -> Iterator[OnEvent]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

    # rich draws with control sequences: it writes past the escaping writer, and its texts are escaped here.
    console = Console(file=stream_of(sys.stderr))
    bar = Progress(
        TextColumn("{task.fields[name]}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]:>12}"),
        TextColumn("{task.description}"), console=console, transient=True,
        redirect_stdout=False, redirect_stderr=False,
    )
    tasks: dict[str, TaskID] = {}

    def draw(name: str, done: int | None, total: int, message: str = "", left: str = "") -> None:
        """Move the bar of that name; its first use makes it."""
        if name not in tasks:
            tasks[name] = bar.add_task("", total=total, name=escape(one_line(name)), left="")
        bar.update(tasks[name], completed=done, total=total, description=escape(one_line(message)), left=left)

    with bar:

        def on_event(event: Event) -> None:
            """Print a message, or move the bars of the event."""
            if not event.total:
                console.print(f"[dim]{event.stage:8}[/] {escape(one_line(event.message))}", highlight=False)
                return
            left = f"{in_words(event.left)} left" if event.left else ""
            draw(event.stage, event.done, event.total, event.message, left)
            for part in event.parts if len(event.parts) > 1 else ():
                draw(f"  {part.name}", part.done, part.total)

        yield on_event
