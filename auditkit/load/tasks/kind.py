"""What a kind of task says: which columns it reads, how a row becomes a sample, how it is asked and scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from auditkit import registry
from auditkit.errors import PackError, did_you_mean
from auditkit.load.tasks.row import TaskRow
from auditkit.schema import Generation, RequestKind, TaskClass, Template

Classes = tuple[TaskClass, ...]
BARE = Template(text="{text}", inputs=("text",))
"""The template of kinds that no prompt asks: the text alone."""
BARE_PAIR = Template(text="{text}\n\n{text_pair}", inputs=("text", "text_pair"))
"""The same for two texts."""
LIKELIHOODS_PER_BYTE = ("loglikelihood_per_byte", "pseudo_loglikelihood_per_byte")
LINE = Generation(max_tokens=64, stop=("\n",))
"""How a short answer is decoded."""


@dataclass(frozen=True, kw_only=True)
class TaskKind:
    """One kind of task on the user's data."""

    inputs: tuple[str, ...]
    """Names of the columns that become fields of the input."""
    optional: str = ""
    """Name of one more such column, which the data need not have."""
    truths: tuple[str, ...]
    """Names of the columns that hold what is right."""
    truth: Callable[[TaskRow, Classes], dict[str, Any]]
    """What is right for a row, as keys of a sample. The classes are those of the whole data; in fine-tuning there are
    none: each label is its own name."""
    labels: Callable[[TaskRow], list[str]] | None = None
    """The classes of a row, for kinds whose data hold classes."""
    fields: Callable[[TaskRow], dict[str, str]] | None = None
    """The input of a row, where it is not simply the texts of the columns."""
    settle: Callable[[list[TaskRow]], tuple[list[TaskRow], tuple[str, ...]]] | None = None
    """Settles what only all rows together can tell, such as from what answers count: the rows, written in one way, and
    what was settled. Refuses rows that contradict each other."""
    request: RequestKind
    """What a model is asked."""
    rules: tuple[str, ...]
    """Scoring rules, the best first."""
    template: Template
    """The prompt."""
    optional_template: Template | None = None
    """The prompt where the task names the optional column."""
    metrics: tuple[str, ...]
    """What an audit measures; groups are compared by the first."""
    class_metrics: tuple[str, ...] = ()
    """What it also measures of each class against the rest, and by group."""
    parity_metrics: tuple[str, ...] = ()
    """The contrasts between groups that are named, of each class."""
    generation: Generation | None = None
    """How free text is decoded."""
    learnt_metrics: tuple[str, ...] = ()
    """What fine-tuning measures on the held-out rows; empty for kinds that cannot be learnt."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All names that the kind has for columns."""
        optional = (self.optional,) if self.optional else ()
        return (*self.inputs, *optional, *self.truths, "id")

    def input_of(self, row: TaskRow) -> dict[str, str]:
        """The input of a row.

        Raises:
            PackError: a text that must be there is missing.
        """
        if self.fields is not None:
            return self.fields(row)
        fields = {name: row.text(name) for name in self.inputs}
        if self.optional in row.values:
            fields[self.optional] = row.text(self.optional, empty=True)
        return fields


def open_kind(name: str) -> TaskKind:
    """The kind of task that is registered under a name.

    Raises:
        RegistryError: there is none; the nearest name is told.
    """
    return cast(TaskKind, registry.get("task", name))


def label_of(value: str, classes: Classes, place: str, name: str = "label") -> str:
    """What the model calls a class, by what the data hold; without classes, that itself.

    Raises:
        PackError: none of the classes.
    """
    for item in classes:
        if value == item.value.strip():
            return item.label
    if not classes:
        return value
    values = [item.value for item in classes]
    hint = did_you_mean(value, values, f"classes: {', '.join(values[:12])}", cutoff=0.6)
    raise PackError(f'{place}: "{name}" is "{value}", none of the classes; {hint}')
