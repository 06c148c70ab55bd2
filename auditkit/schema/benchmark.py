"""The card of a benchmark: what it measures, what it does not, how it is asked and scored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from auditkit.schema.base import Record
from auditkit.schema.request import Generation, RequestKind
from auditkit.schema.sample import Choice

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""64 hex digits, in lower case."""
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
"""40 hex digits, in lower case."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Template(Record):
    """One turn of the prompt. `{field}` is replaced once, from the sample's input and `option_1`, `option_2` …"""

    text: str
    """The user's turn."""
    letter: str = ""
    """The user's turn under the rule `letter`, where the options must be shown; default `text`."""
    prefix: str = ""
    """What the assistant's turn begins with."""
    delimiter: str = " "
    """What stands between the prefix and an option."""
    inputs: tuple[str, ...] = Field(default=(), max_length=2)
    """The fields that a model without prompts reads (classifier, span, encoder): its text and its second text; default
    all that the template names, a line each."""


class UpstreamFile(Record):
    """One file of published data."""

    file: str
    """Its name in messages and in `Source.file`."""
    path: str
    """Path in the repository; empty where only a mirror has the file."""
    sha256: Sha256
    """Hash of its bytes, decompressed."""
    bytes: int = Field(ge=0)
    """Size, decompressed."""
    beside: bool = False
    """True for a file that holds no rows of its own, such as the sources of translations."""


class Upstream(Record):
    """Where published data lie."""

    repository: str
    """`owner/name` on GitHub."""
    commit: Commit
    """The commit, 40 hex digits."""
    files: tuple[UpstreamFile, ...] = Field(min_length=1)
    """The files, in the order in which they are read."""


Edition = Literal["own", "published", "redistributed", "converted", "subset", "rebuilt"]
"""`own`: written for auditkit, or the user's. `published`: the authors' files from the authors' repository.
`redistributed`: the authors' rows from another repository, not compared with the authors'. `converted`:
redistributed in another format. `subset`: redistributed, and rows are missing. `rebuilt`: made anew from other
published files, and found only in a mirror. Only `published` is official."""


class PlantedReading(Record):
    """What a metric must read on a planted model whose behaviour is known."""

    planted: str
    """Name of the planted model, e.g. `always-stereotyped`."""
    metric: str
    """Name of the metric."""
    arm: str
    """The arm that the metric is read on."""
    expect: Literal["exactly", "around", "undefined", "best", "not_best"]
    """`exactly`: a fixed behaviour; `around`: a random one, inside the 99.99 % interval; `undefined`: no value; `best`:
    the better end of the range, or the ideal; `not_best`: any other value."""
    value: float | None = None
    """The expected value; absent for `undefined`."""


UNSCORED_SHARE = "unscored_share"
"""The metric of answers that could not be read: measured on every arm of every benchmark, named on the card or not."""


class MetricUse(Record):
    """One metric on one arm of the benchmark."""

    metric: str
    """Name of the metric, or `evaluate:DIR` (`evaluate:DIR#KEY`): a metric module of the evaluate library."""
    arm: str
    """The arm, or `all`."""
    slices: tuple[str | tuple[str, ...], ...] = ()
    """Metadata keys, and crossings of several, by which the metric is also measured: `[axis, [axis, polarity]]`."""
    groups: bool = False
    """Whether it is also estimated for each demographic group of the sample, with gap and ratio."""
    range: tuple[float, float] | None = None
    """Lowest and highest value, for `evaluate:` modules, which do not tell."""
    direction: Literal["higher", "lower"] | None = None
    """Which values are better, for `evaluate:` modules."""

    @property
    def slice_keys(self) -> tuple[tuple[str, ...], ...]:
        """The keys of each slicing: one, or several that are crossed."""
        return tuple((keys,) if isinstance(keys, str) else keys for keys in self.slices)


class Benchmark(Record):
    """The card (`card.yaml`) of a pack."""

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
    formats: tuple[Template, ...] = ()
    """Other formats of the same prompt, for robustness runs: same fields, other words and marks around them."""
    choices: tuple[Choice, ...] = ()
    """The classes that all rows share: rows without choices of their own have these."""
    generation: Generation | None = None
    """How free text is decoded; default greedy, 128 tokens."""
    allow_cut: bool = False
    """Whether an answer counts though the model's window was too short for the prompt; else the sample has no score."""
    reader: str = "native"
    """Module in `load/readers` that turns the rows into samples."""
    files: tuple[str, ...] = ()
    """Row files relative to the card; none for published data, whose files `upstream` names."""
    training: tuple[str, ...] = ()
    """Files of labelled rows to fine-tune on, relative to the card: sealed with the row files, never audited."""
    edition: Edition = "own"
    """Whose files they are: own, published, redistributed, converted, subset or rebuilt."""
    upstream: Upstream | None = None
    """Where published data are downloaded from; they are never part of auditkit."""
    left_out: dict[str, str] = Field(default={})
    """Id of a published row that is not asked, to the reason."""
    groups: tuple[str, ...] = ()
    """Demographic axes that the samples carry; `gender × race` is the crossing of two of them."""
    smallest_group: int = Field(default=1, ge=1)
    """Groups with fewer rows are shown and not compared with others."""
    clusters: tuple[str, ...] = Field(min_length=1, max_length=2)
    """Cluster factors, at most two."""
    metrics: tuple[MetricUse, ...] = Field(min_length=1)
    """What is measured."""
    planted: tuple[PlantedReading, ...] = ()
    """Expected readings of planted models."""
    default: bool = False
    """Whether the checks that the pack brings belong to the built-in policy `default`."""
    rows: int = Field(ge=0)
    """Number of rows, those left out included."""
    sha256: Sha256
    """Hash of the bytes of the row files and then the training files (decompressed, in order)."""
