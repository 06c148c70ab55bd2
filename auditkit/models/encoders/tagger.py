"""Token classifiers: one tag a word, from the prediction for the word's first token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from auditkit.errors import MeasurementError, ModelError
from auditkit.models.adapter import Encoded, TokenSequence, View
from auditkit.models.encoders.texts import forward
from auditkit.models.tokens.encoding import clean
from auditkit.models.tokens.tags import entity_type, scheme
from auditkit.models.weights.checkpoint import Checkpoint, ReadingRules
from auditkit.models.weights.settings import class_names
from auditkit.schema import Config, Output, Request, Subject, Tags, digest


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
            ModelError: two tags have one name.
        """
        self.checkpoint = checkpoint
        config = checkpoint.model.config
        self.tags = class_names(config, checkpoint.subject.name)
        if len(set(self.tags)) < len(self.tags):
            raise ModelError(f"{checkpoint.subject.name}: id2label gives two tags one name; correct its config.json")

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
        borders). IOB in place of BIOES is not a difference of types.

        Raises:
            ModelError: names the types that are missing and those there are.
        """
        types = {entity_type(tag) for tag in self.tags}
        missing = sorted({entity_type(tag) for tag in labels} - types)
        if missing:
            raise ModelError(
                f"{self.subject.name}: it has no tag for {', '.join(missing)} "
                f"(id2label has {', '.join(sorted(types))}); rename the tags in config.json or in the pack"
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
        windows = (window for encoded in batch for window in encoded.sequences)
        best_tags = forward(self.checkpoint, windows, self._pick)
        for encoded in batch:
            request = encoded.request
            columns = [column for window in encoded.sequences for column in best_tags[window]]
            fields: dict[str, Any] = {
                "request": request.sha256, "rule": request.rule, "truncated": encoded.truncated,
                "input_sha256": digest([list(window.ids) for window in encoded.sequences]),
                "prompt_tokens": sum(len(window) for window in encoded.sequences),
            }
            if any(column < 0 for column in columns):
                yield Output(**fields, error="the model gave a score that is not a number; use dtype: float32")
            else:
                yield Output(**fields, answer=Tags(tags=tuple(self.tags[column] for column in columns)))

    def view(self, request: Request, option: int) -> View:
        """Not offered.

        Raises:
            MeasurementError: always.
        """
        raise MeasurementError("an answer of one tag a word is not a single score; taggers are not explained yet")

    @cached_property
    def _spaced(self) -> bool:
        return needs_space(self.checkpoint.tokenizer)

    def _encode(self, request: Request) -> Encoded:
        words = [clean(word) for word in request.words]
        where = f"request {request.sha256[:12]}"
        if not words:
            raise MeasurementError(f"{where}: there are no words to tag")
        for number, word in enumerate(words, start=1):
            if not word.strip():
                raise MeasurementError(f"{where}: word {number} is empty; leave it out of the row")
        words, lengths = self._readable(words, where)
        room = self.checkpoint.window - self.checkpoint.tokenizer.num_special_tokens_to_add(False)
        windows = windows_of(lengths, room)
        dropped = sum(max(0, length - room) for length in lengths)
        sequences = tuple(self._window(words, window) for window in windows if window.tagged)
        return Encoded(request, sequences, truncated=dropped)

    def _readable(self, words: list[str], where: str) -> tuple[list[str], list[int]]:
        """The words as the tokenizer takes them, and the number of tokens of each."""
        tokenizer = self.checkpoint.tokenizer
        words = [f" {word}" if self._spaced and index else word for index, word in enumerate(words)]
        lengths = _lengths(tokenizer, words)
        lost = [index for index, length in enumerate(lengths) if not length]
        if lost and tokenizer.unk_token_id in (None, tokenizer.bos_token_id, tokenizer.eos_token_id):
            raise MeasurementError(
                f"{where}: word {lost[0] + 1}, {words[lost[0]]!r:.40}, gives no token, and the tokenizer has no "
                f"unknown token; clean the row"
            )
        for index in lost:
            words[index], lengths[index] = tokenizer.unk_token, 1
        return words, lengths

    def _window(self, words: Sequence[str], window: Window) -> TokenSequence:
        batch = self.checkpoint.tokenizer(
            list(words[window.words.start : window.words.stop]), is_split_into_words=True, truncation=True,
            max_length=self.checkpoint.window, return_attention_mask=False, return_token_type_ids=False, verbose=False,
        )
        first: dict[int, int] = {}
        for position, word in enumerate(batch.word_ids()):
            if word is not None:
                first.setdefault(word + window.words.start, position)
        return TokenSequence(tuple(batch["input_ids"]), tuple(first[word] for word in window.tagged))

    def _pick(self, output: Any, group: Sequence[TokenSequence]) -> list[tuple[int, ...]]:
        """Of each sequence the best tag of its scored tokens, -1 where a score is not a number."""
        best = output.logits.argmax(-1)
        best = best.masked_fill(~output.logits.isfinite().all(-1), -1).tolist()
        return [tuple(row[position] for position in sequence.scored) for row, sequence in zip(best, group, strict=True)]


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
        # the next window begins half a window later, one word later at least, and skips no word
        first = next(
            word for word in range(first + 1, last + 1) if word == last or begins[word] - begins[first] >= room / 2
        )
    borders = [0]
    for (_, end), (start, _) in pairwise(spans):
        # a word is tagged where the nearer end of what is read is farther away: from the overlap's middle on, in the
        # later window
        middle = (begins[start] + begins[end]) / 2
        borders.append(
            next((word for word in range(start, end) if (begins[word] + begins[word + 1]) / 2 >= middle), end)
        )
    borders.append(len(lengths))
    return [
        Window(range(start, end), range(*borders_of_window))
        for (start, end), borders_of_window in zip(spans, pairwise(borders), strict=True)
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


def settle(model: Any, tokenizer: Any, folder: Path, config: Config) -> ReadingRules:
    """How words become tags, for the subject."""
    tags = class_names(model.config, model.config.name_or_path)
    leading = "with their leading space" if needs_space(tokenizer) else "as given"
    return ReadingRules({
        "scheme": f"{scheme(tags)} (read from id2label)",
        "tags": f"a word's first token; words {leading}; one without a token as the unknown token",
    })
