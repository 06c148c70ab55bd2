"""The card of a task on the user's data: how each type of task is asked and scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditkit.load.languages import LATIN
from auditkit.load.tasks.kind import Classes, TaskKind
from auditkit.schema import Benchmark, Choice, MetricUse, PlantedReading, Task, Template

_NO_LIMITS = "Not stated: the author of the audit's configuration said nothing of it."
MOST_LETTERS = 26
"""Classes that can be asked for by letter."""


def card_for(
    task: Task, kind: TaskKind, classes: Classes, *, positive: Sequence[str], axes: tuple[str, ...], rows: int,
    sha256: str, source: str, notes: Sequence[str] = (),
) -> Benchmark:
    """The card of a task: the defaults of its kind, and what the user said instead.

    Args:
        task: what the user said.
        kind: the kind of task.
        classes: the classes of a classification.
        positive: the classes whose error rates are measured.
        axes: the demographic axes that the rows carry, crossings included.
        rows: number of rows.
        sha256: hash of the rows' content.
        source: name of the data.
        notes: how the data were read, where that had to be found out; added to the limits.
    """
    letters = len(classes) <= MOST_LETTERS
    return Benchmark(
        name=task.name, version=1, title=f"{task.name}: {task.task} on your data",
        measures=task.measures or f"How well the model does {task.task} on {source}; more was not stated.",
        limits=" ".join([task.limits or _NO_LIMITS, *(f"{source}: {note}." for note in notes)]),
        license=task.license, source=_source(task), citation="the data of the audit's configuration",
        language=task.language or LATIN, request=kind.request,
        rules=tuple(rule for rule in kind.rules if letters or rule != "letter"),
        templates=(task.template or _template(task, kind),),
        choices=tuple(Choice(text=item.text, label=item.label) for item in classes),
        generation=task.generation or kind.generation, allow_cut=task.allow_cut, reader="task", files=(source,),
        groups=axes, smallest_group=task.smallest_group,
        clusters=task.clusters or ("input",),
        metrics=task.metrics or (*_metrics(task, kind), *_of_classes(task, kind, positive)),
        planted=_planted(task, kind, len(classes)),
        rows=rows, sha256=sha256,
    )


def _template(task: Task, kind: TaskKind) -> Template:
    """The kind's prompt; another where the task names the optional column."""
    return kind.optional_template if kind.optional_template and kind.optional in task.columns else kind.template


def _source(task: Task) -> str:
    parts = {"configuration": task.config, "revision": task.revision, "split": task.split}
    return ", ".join([task.data, *(f"{name} {value}" for name, value in parts.items() if value)])


def _metrics(task: Task, kind: TaskKind) -> tuple[MetricUse, ...]:
    return tuple(
        MetricUse(
            metric=name, arm="all", slices=task.metadata,
            groups=bool(task.groups) and (place == 0 or name in kind.grouped_metrics),
        )
        for place, name in enumerate(kind.metrics)
    )


def _of_classes(task: Task, kind: TaskKind, positive: Sequence[str]) -> Iterator[MetricUse]:
    """The rates of each class, by group, and the named contrasts of them where there are groups."""
    grouped = bool(task.groups)
    for label in positive:
        for name in (*kind.class_metrics, *(kind.parity_metrics if grouped else ())):
            yield MetricUse(metric=f"{name}:{label}", arm="all", groups=grouped)


def _planted(task: Task, kind: TaskKind, classes: int) -> tuple[PlantedReading, ...]:
    """What accuracy must read on planted models, where it is measured."""
    readings = []
    for use in task.metrics or _metrics(task, kind):
        if use.metric != "accuracy":
            continue
        of = {"metric": "accuracy", "arm": use.arm}
        readings.append(PlantedReading(planted="never-stereotyped", expect="exactly", value=1.0, **of))
        if classes:
            readings.append(PlantedReading(planted="random", expect="around", value=1 / classes, **of))
        readings += [PlantedReading(planted=name, expect="undefined", **of) for name in ("constant", "refusing")]
    return tuple(readings)
