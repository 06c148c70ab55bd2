"""Token classifiers: one tag a word, from the prediction for the word's first token."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from auditkit.errors import MeasurementError, ModelError
from auditkit.models.adapter import Encoded, TokenSequence, View
from auditkit.models.encoders.reader import forward
from auditkit.models.tokens.encoding import clean
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Output, Request, Subject, Tags, digest

_TAG = re.compile(r"([A-Z])-(.+)", re.DOTALL)
_BORDERS = {"B", "I", "E", "S", "L", "U", "M"}


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of whole words that the model reads at once."""

    words: range
    """The words that it reads."""
    tagged: range
    """The words whose tags are taken from it."""


class TaggerAdapter:
    """Answers with a transformers `...ForTokenClassification`.

    Words are tokenised one by one; a word's tag is that of its first token, the rule of the CoNLL fine-tuning scripts.
    A text beyond the window is read in windows of whole words that overlap by half, and each word is tagged where the
    nearer end of what the model reads is farthest away. A word of which the tokenizer makes nothing (a control
    character, a stray variation selector) is read as the unknown token: its tag is predicted from what stands around
    it, and not made up.
    """

    cacheable = True

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Read the tags from the configuration.

        Raises:
            ModelError: two tags bear one name.
        """
        self.checkpoint = checkpoint
        config = checkpoint.model.config
        self.tags = tuple(str(config.id2label[at]) for at in range(config.num_labels))
        if len(set(self.tags)) < len(self.tags):
            raise ModelError(f"{checkpoint.subject.name}: two tags bear one name in id2label; mend its config.json")

    @property
    def subject(self) -> Subject:
        """Which model this is; its parts say how words are read and which scheme the tags follow."""
        return self.checkpoint.subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Request kind to the scoring rules offered."""
        return {"tag": ("tags",)}

    def require_labels(self, labels: Iterable[str]) -> None:
        """Check that the model can say every type of entity that a benchmark tags (every tag, where tags have no
        borders). Another scheme, IOB for BIOES, is no difference of types.

        Raises:
            ModelError: names the types that are missing and those there are.
        """
        known = {kind_of(tag) for tag in self.tags}
        missing = sorted({kind_of(tag) for tag in labels} - known)
        if missing:
            raise ModelError(
                f"{self.subject.name}: it has no tag for {', '.join(missing)} "
                f"(id2label has {', '.join(sorted(known))}); rename the tags in config.json or in the pack"
            )

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Tokenise the words of requests, in order: one sequence a window, `scored` at the first tokens of its words.

        Raises:
            MeasurementError: a request has no words, an empty one, or one that gives no token where the tokenizer has
                no unknown token.
        """
        return [self._encode(request) for request in requests]

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch: one output a request, in the batch's order."""
        found = forward(self.checkpoint, (window for each in batch for window in each.sequences), self._pick)
        for each in batch:
            request = each.request
            columns = [column for window in each.sequences for column in found[window]]
            known: dict[str, Any] = {
                "request": request.sha256, "rule": request.rule, "truncated": each.truncated,
                "input_sha256": digest([list(window.ids) for window in each.sequences]),
                "prompt_tokens": sum(len(window) for window in each.sequences),
            }
            if any(column < 0 for column in columns):
                yield Output(**known, error="the model gave a score that is no number; use dtype: float32")
            else:
                yield Output(**known, answer=Tags(tags=tuple(self.tags[column] for column in columns)))

    def view(self, request: Request, option: int) -> View:
        """Not offered.

        Raises:
            MeasurementError: always.
        """
        raise MeasurementError("an answer of one tag a word is no single score; taggers are not explained yet")

    @cached_property
    def _spaced(self) -> bool:
        return needs_space(self.checkpoint.tokenizer)

    def _encode(self, request: Request) -> Encoded:
        words = [clean(word) for word in request.words]
        where = f"request {request.sha256[:12]}"
        if not words:
            raise MeasurementError(f"{where}: there are no words to tag")
        for at, word in enumerate(words):
            if not word.strip():
                raise MeasurementError(f"{where}: word {at + 1} is empty; leave it out of the row")
        words, lengths = self._readable(words, where)
        room = self.checkpoint.window - self.checkpoint.tokenizer.num_special_tokens_to_add(False)
        windows = windows_of(lengths, room)
        dropped = sum(max(0, length - room) for length in lengths)
        read = tuple(self._window(words, window) for window in windows if window.tagged)
        return Encoded(request, read, truncated=dropped)

    def _readable(self, words: list[str], where: str) -> tuple[list[str], list[int]]:
        """The words as the tokenizer takes them, and the number of tokens of each."""
        tokenizer = self.checkpoint.tokenizer
        words = [f" {word}" if self._spaced and at else word for at, word in enumerate(words)]
        lengths = _lengths(tokenizer, words)
        lost = [at for at, length in enumerate(lengths) if not length]
        if lost and tokenizer.unk_token_id in (None, tokenizer.bos_token_id, tokenizer.eos_token_id):
            raise MeasurementError(
                f"{where}: word {lost[0] + 1}, {words[lost[0]]!r:.40}, gives no token, and the tokenizer has no "
                f"unknown token; clean the row"
            )
        for at in lost:
            words[at], lengths[at] = tokenizer.unk_token, 1
        return words, lengths

    def _window(self, words: Sequence[str], window: Window) -> TokenSequence:
        batch = self.checkpoint.tokenizer(
            list(words[window.words.start : window.words.stop]), is_split_into_words=True, truncation=True,
            max_length=self.checkpoint.window, return_attention_mask=False, return_token_type_ids=False, verbose=False,
        )
        first: dict[int, int] = {}
        for at, word in enumerate(batch.word_ids()):
            if word is not None:
                first.setdefault(word + window.words.start, at)
        return TokenSequence(tuple(batch["input_ids"]), tuple(first[word] for word in window.tagged))

    def _pick(self, output: Any, group: Sequence[TokenSequence]) -> list[tuple[int, ...]]:
        """Of each sequence the best tag of its scored tokens, -1 where a score is not a number."""
        best = output.logits.argmax(-1)
        best = best.masked_fill(~output.logits.isfinite().all(-1), -1).tolist()
        return [tuple(row[at] for at in sequence.scored) for row, sequence in zip(best, group, strict=True)]


def _lengths(tokenizer: Any, words: Sequence[str]) -> list[int]:
    batch = tokenizer(list(words), is_split_into_words=True, add_special_tokens=False, verbose=False)
    lengths = [0] * len(words)
    for word in batch.word_ids():
        lengths[word] += 1
    return lengths


def windows_of(lengths: Sequence[int], room: int) -> list[Window]:
    """Cut words into windows of at most `room` tokens that overlap by about half; each word is tagged in exactly one.

    Args:
        lengths: tokens of each word; one that is longer than a window stands alone, cut.
        room: tokens of a window, special ones not counted.
    """
    begins = [0]
    for length in lengths:
        begins.append(begins[-1] + length)
    spans: list[tuple[int, int]] = []
    first = 0
    while True:
        last = first + 1
        while last < len(lengths) and begins[last + 1] - begins[first] <= room:
            last += 1
        spans.append((first, last))
        if last == len(lengths):
            break
        # not beyond the first word that this window does not read; one word ahead at least
        after = next(at for at in range(first + 1, last + 1) if at == last or begins[at] - begins[first] >= room / 2)
        first = after
    # In an overlap the border lies where what stands before in the later window outgrows what follows in the earlier.
    borders = [0]
    for (_, end), (start, _) in pairwise(spans):
        middle = (begins[start] + begins[end]) / 2
        borders.append(next((at for at in range(start, end) if (begins[at] + begins[at + 1]) / 2 >= middle), end))
    borders.append(len(lengths))
    return [
        Window(range(start, end), range(borders[at], borders[at + 1])) for at, (start, end) in enumerate(spans)
    ]


def needs_space(tokenizer: Any) -> bool:
    """Whether words must bring their leading space to become the tokens that they are in running text: a byte-level
    tokenizer that was saved without `add_prefix_space`."""
    running = tokenizer("b a", add_special_tokens=False).input_ids
    split, spaced = (
        tokenizer(words, is_split_into_words=True, add_special_tokens=False).input_ids
        for words in (["b", "a"], ["b", " a"])
    )
    return bool(split != running and spaced == running)


def kind_of(tag: str) -> str:
    """The type of entity that a tag names: `PER` of `B-PER`; the tag itself where it has no border (`O`, `NOUN`)."""
    match = _TAG.fullmatch(tag)
    return match[2] if match and match[1] in _BORDERS else tag


def scheme(tags: Iterable[str]) -> str:
    """How tags mark the borders of entities, read from their names.

    Returns:
        `none` (no tag has a border), `IO`, `IOB1` (some type has no `B-`, which then marks nothing but the border
        between neighbours), `IOB1 or IOB2` (names do not tell them apart), `BIOES`, `BILOU`, or the borders that there
        are, e.g. `B E I M S`.
    """
    found: dict[str, set[str]] = {}
    for tag in tags:
        match = _TAG.fullmatch(tag)
        if match and match[1] in _BORDERS:
            found.setdefault(match[2], set()).add(match[1])
    borders = set().union(*found.values()) if found else set()
    if not borders:
        return "none"
    if borders <= {"B", "I"}:
        begun = [kinds for kinds in found.values() if "B" in kinds]
        return "IO" if not begun else "IOB1 or IOB2" if len(begun) == len(found) else "IOB1"
    for name, letters in (("BIOES", {"B", "I", "E", "S"}), ("BILOU", {"B", "I", "L", "U"})):
        if borders <= letters:
            return name
    return " ".join(sorted(borders))


def reading(model: Any, tokenizer: Any) -> dict[str, str]:
    """The subject's parts: how words become tags."""
    tags = [str(model.config.id2label[at]) for at in range(model.config.num_labels)]
    leading = "with their leading space" if needs_space(tokenizer) else "as given"
    return {
        "scheme": f"{scheme(tags)} (read from id2label)",
        "tags": f"a word's first token; words {leading}; one without a token as the unknown token",
    }
