"""What every model family offers to the stages above: the adapter protocol.

A probe states what it asks; an adapter states how its family answers.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, runtime_checkable

from auditkit.schema import Benchmark, Output, Request, Sample, Subject

if TYPE_CHECKING:
    import torch

Question = TypeVar("Question")
AnswerType = TypeVar("AnswerType")


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """One row that the model reads: integers only, so that `run` plans without tensors."""

    ids: tuple[int, ...]
    """Token ids, special tokens and chat template included."""
    scored: tuple[int, ...]
    """Ascending positions whose token's log-probability, tag or part in a span is asked for (none when text is
    generated or classified)."""
    segments: tuple[int, ...] = ()
    """Which of two texts each id belongs to, 0 or 1; empty where the model is not told, or where all are 0."""
    source: int = 0
    """Of an encoder-decoder: how many ids at the beginning its encoder reads; the decoder reads the others."""

    def __len__(self) -> int:
        """Number of ids."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A request and what it costs: the unit that the runner orders, de-duplicates and packs."""

    request: Request
    sequences: tuple[TokenSequence, ...] = ()
    """One an option; one for a prompt; none where the family has no tokenizer (planted models)."""
    truncated: int = 0
    """Tokens dropped because they exceed the window."""
    merged: tuple[bool, ...] = ()
    """One an option: the tokenizer merged the boundary between context and option."""
    offsets: tuple[tuple[tuple[int, int], ...], ...] = ()
    """One a sequence: the character range of each scored token, where the answer is a stretch of the text."""

    @property
    def tokens(self) -> int:
        """Tokens read, at least 1; what the options share at their beginning counts once."""
        if not self.sequences:
            return 1
        shared = common_prefix([sequence.ids for sequence in self.sequences])
        return max(1, shared + sum(len(sequence.ids) - shared for sequence in self.sequences))


def common_prefix(rows: Sequence[tuple[int, ...]]) -> int:
    """Length of the longest common prefix; of one row its length, of none 0."""
    if not rows:
        return 0
    low, high = min(rows), max(rows)
    for index, (left, right) in enumerate(zip(low, high, strict=False)):
        if left != right:
            return index
    return min(len(low), len(high))


@runtime_checkable
class Adapter(Protocol):
    """A model that answers requests."""

    @property
    def subject(self) -> Subject:
        """Which model this is, fingerprint included."""

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Request kind to the scoring rules offered."""

    @property
    def cacheable(self) -> bool:
        """Whether answers may be served from the cache (planted models: never)."""

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Tokenise requests, in order; a request that cannot be encoded raises `MeasurementError`."""

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch: one output a request, in the batch's order (an API: as they arrive).

        Values do not depend on batch composition beyond float tolerance.
        """


@runtime_checkable
class PrefixSharer(Protocol):
    """An adapter that may compute what the requests of a batch share only once."""

    @property
    def shares_beginnings(self) -> bool:
        """Whether it does with this model: then `run` keeps requests together that begin alike."""


@runtime_checkable
class ExecutionReporter(Protocol):
    """An adapter that says how it computes."""

    @property
    def execution(self) -> str:
        """In words, for the report; empty where it has not computed yet."""


@dataclass(frozen=True, slots=True)
class Arrival(Generic[Question, AnswerType]):
    """What came of one question to a server."""

    question: Question
    answer: AnswerType | Exception
    """The answer; or what was raised in its place, which concerns this question alone."""
    seconds: float
    """From sending the question to its answer, retries and waits included."""

    def result(self) -> AnswerType:
        """The answer; raises the exception where there is none."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@runtime_checkable
class RemoteAdapter(Protocol):
    """An adapter that asks a server: many requests are in flight at once, and each is answered by itself."""

    def stream(self, requests: Iterable[Request]) -> Generator[Arrival[Request, Output], None, None]:
        """Answers to a stream of requests, as they arrive; requests are sent in order, and taken as they can be sent.

        Closing the generator gives up what is in flight.

        Raises:
            StoppedError: a budget is spent, or every further request would fail; what is in flight has arrived before.
        """


@runtime_checkable
class ExplainableAdapter(Protocol):
    """An adapter whose scores have gradients."""

    def view(self, request: Request, option: int) -> View:
        """A differentiable view of one option's score.

        Raises:
            MeasurementError: this request kind has none in this family.
        """


@runtime_checkable
class FixedLabelAdapter(Protocol):
    """An adapter whose answers are the classes that it was trained on."""

    def require_labels(self, labels: Iterable[str]) -> None:
        """Check that every label a benchmark uses is a class of the model.

        Raises:
            ModelError: names the labels that are missing.
        """


@dataclass(frozen=True)
class PackRows:
    """What a model that answers from samples is opened with."""

    cards: Mapping[str, Benchmark]
    """Name to card of each audited pack."""
    rows: Iterable[Sample]
    """Every sample of these packs, whether or not it is audited."""
    others: Sequence[str] = ()
    """Names of packs that are not audited."""


class SampleAnswerer(Protocol):
    """What answers from samples, not from what is asked: planted models, saved predictions."""

    def rule(self, card: Benchmark, requested: str | None = None) -> str:
        """The rule by which it answers a pack.

        Args:
            card: of the pack.
            requested: the rule that the user asks for.

        Raises:
            ModelError: it cannot answer by that rule.
        """

    def holds(self, sample: Sample) -> bool:
        """Whether it has an answer to a sample; one without is not run."""

    def agree(self, first: Sample, second: Sample) -> None:
        """Check that two samples that ask exactly the same are answered alike.

        Raises:
            ModelError: they are not.
        """

    def adapter(self, samples: Mapping[str, Sample]) -> Adapter:
        """The adapter for requests (by sha256) whose samples are known."""


class View(Protocol):
    """One option's score as a function of word embeddings."""

    @property
    def ids(self) -> torch.Tensor:
        """Token ids, shape (L,)."""

    @property
    def embeddings(self) -> torch.Tensor:
        """Word-embedding output of the ids, shape (L, D), detached."""

    @property
    def offsets(self) -> Sequence[tuple[int, int]]:
        """Character range of each token in `text`; (0, 0) for tokens that stand for no text."""

    @property
    def text(self) -> str:
        """The text that offsets refer to."""

    @property
    def tokens(self) -> Sequence[str]:
        """Tokens for people."""

    @property
    def special(self) -> Sequence[bool]:
        """True for special and chat-template tokens."""

    @property
    def free(self) -> Sequence[bool]:
        """True for positions on the embedding path: the prompt for `choose` (the option is not interpolated),
        all of the text for `compare`."""

    @property
    def baselines(self) -> Mapping[str, int]:
        """Name of a baseline to the id of the token whose embedding it repeats; the preferred first."""

    @property
    def module(self) -> torch.nn.Module:
        """The torch module, for hooks and attention."""

    @property
    def subject(self) -> Subject:
        """The model."""

    @property
    def attention(self) -> str:
        """Attention implementation."""

    def score(self, embeddings: torch.Tensor) -> torch.Tensor:
        """The option's score, shape (B,), for embeddings of shape (B, L, D); equal to the served score."""

    def score_ids(self, rows: torch.Tensor) -> torch.Tensor:
        """The same for token ids of shape (B, L), without gradients."""

