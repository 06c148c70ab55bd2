"""What a benchmark holds: samples and their choices."""

from __future__ import annotations

from pydantic import Field

from auditkit.schema.base import Fact, Record


class Choice(Record):
    """One answer that a sample offers, or one whole text of a pair."""

    text: str
    """The text as the model sees it."""
    label: str
    """What the choice means: stereotype, anti, unknown, true, false, or a class name."""
    group: str | None = None
    """The demographic group that the choice names, where there is one."""


class Source(Record):
    """Where a sample was read from."""

    file: str
    """File name relative to the pack."""
    line: int
    """Line number, from 1."""


MARK = "~"
"""Stands between the id (or origin) of a clean sample and the name of its variant; no pack's arm holds it."""
PLAUSIBILITY = "plausibility"
"""Arm of the twins in which a text stands against itself with its words scrambled."""
FORMAT = "format-"
"""A variant's name for another prompt format: `format-2` is the first of the card's `formats`."""


def variant_name(name: str, variant: str) -> str:
    """The id, or origin, of a variant of a sample: `pack/row-id~typos`; of the clean one where `variant` is empty."""
    return f"{name}{MARK}{variant}" if variant else name


class Sample(Record):
    """One row of a benchmark. A twin (context, swap, perturbation) is a sample of its own."""

    id: str
    """`pack/row-id`, unique in the audit."""
    benchmark: str
    """Name of the pack."""
    input: dict[str, str] = Field(default_factory=dict)
    """The fields that the prompt template fills."""
    target: str | None = None
    """Label of the right choice, or the right text; `None` where there is no right answer."""
    references: tuple[str, ...] = ()
    """Equally good right texts (`extract`: none where the passage holds no answer), or every class that is true of a
    multi-label text."""
    words: tuple[str, ...] = ()
    """The words to tag, in order."""
    tags: tuple[str, ...] = ()
    """The right tag of each word, e.g. `B-person`."""
    choices: tuple[Choice, ...] = ()
    """The choices in the order shown to the model."""
    groups: dict[str, str] = Field(default_factory=dict)
    """Axis to group of the person asked about."""
    clusters: dict[str, str] = Field(default_factory=dict)
    """Factor to cluster id: what the sample shares with others (outermost unit; at most two factors)."""
    origin: str
    """`pack/…`, shared by twins: pairing is by origin."""
    arm: str = "base"
    """Which twin this is."""
    variant: str = ""
    """Of a variant in a robustness run: `typos`, `case`, `punctuation`, `format-2` …; its arm is the clean one's."""
    source: Source
    """Where the row came from."""
    metadata: dict[str, Fact] = Field(default_factory=dict)
    """Flat facts about the row, such as its axis; slices are made from them."""

    @property
    def several(self) -> bool:
        """Whether any number of its choices may be true: it has no one target, and its choices are no pair of a
        stereotype and its reverse."""
        return self.target is None and bool(self.choices) and not {"stereotype", "anti"} & set(self.labels)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the choices, in order."""
        return tuple(choice.label for choice in self.choices)

    @property
    def clean_id(self) -> str:
        """Id of the sample that it is a variant of; its own where it is none."""
        return self.id.removesuffix(variant_name("", self.variant))
