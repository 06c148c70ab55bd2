"""The card of a benchmark: what it measures, what it does not, how it is asked and scored."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from auditkit.schema.base import Growing, Record
from auditkit.schema.request import Generation, RequestKind
from auditkit.schema.sample import Choice

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Template(Growing):
    """One turn of the prompt. `{field}` is replaced once, from the sample's input and `option_1`, `option_2` …"""

    later: ClassVar[tuple[str, ...]] = ("inputs",)

    text: str
    """The user's turn."""
    prefix: str = ""
    """What the assistant's turn begins with."""
    delimiter: str = " "
    """What stands between the prefix and an option."""
    inputs: tuple[str, ...] = Field(default=(), max_length=2)
    """The fields that a model without prompts reads (classifier, span, encoder): its text and its second text; default
    all that the template names, a line each."""


class PlantedReading(Record):
    """What a metric must read on a planted model whose behaviour is known."""

    planted: str
    """Name of the planted model, e.g. `always-stereotyped`."""
    metric: str
    """Name of the metric."""
    arm: str
    """The arm that the metric is read on."""
    expect: Literal["exactly", "around", "undefined"]
    """`exactly`: a fixed behaviour; `around`: a random one, inside the 99.99 % interval; `undefined`: no value."""
    value: float | None = None
    """The expected value; absent for `undefined`."""


class MetricUse(Record):
    """One metric on one arm of the benchmark."""

    metric: str
    """Name of the metric."""
    arm: str
    """The arm, or `all`."""
    slices: tuple[str, ...] = ()
    """Metadata keys by which the metric is also shown."""
    groups: bool = False
    """Whether it is also estimated for each demographic group of the sample, with gap and ratio."""


class Benchmark(Growing):
    """The card (`card.yaml`) of a pack."""

    later: ClassVar[tuple[str, ...]] = ("choices", "generation")

    name: Name
    """Name of the pack, and of its folder."""
    version: int
    """Raised with every change of rows, template or metric."""
    title: str
    """For people."""
    measures: str
    """What the number means."""
    limits: str
    """What it does not mean: construct, language, culture, known disputes. Shown beside the number."""
    license: str
    """SPDX identifier."""
    source: str
    """Who wrote the rows, or where they are published."""
    citation: str
    """How to cite the benchmark."""
    language: str
    """BCP 47 tag."""
    request: RequestKind
    """The kind of request that each sample makes."""
    rules: tuple[str, ...] = Field(min_length=1)
    """Scoring rules accepted, best first; the first one that the adapter offers is used for all rows."""
    templates: tuple[Template, ...] = ()
    """Prompt, one a turn; none for whole texts."""
    choices: tuple[Choice, ...] = ()
    """The classes that all rows share: rows without choices of their own have these."""
    generation: Generation | None = None
    """How free text is decoded; default greedy, 128 tokens."""
    reader: str = "native"
    """Module in `load/readers` that turns the rows into samples."""
    files: tuple[str, ...] = Field(min_length=1)
    """Row files relative to the card."""
    groups: tuple[str, ...] = ()
    """Demographic axes that the samples carry."""
    clusters: tuple[str, ...] = Field(min_length=1, max_length=2)
    """Cluster factors, at most two."""
    metrics: tuple[MetricUse, ...] = Field(min_length=1)
    """What is measured."""
    planted: tuple[PlantedReading, ...] = ()
    """Expected readings of planted models."""
    rows: int
    """Number of rows."""
    sha256: str
    """Hash of the row files' bytes, in order."""
