"""How text becomes ids in an encoder-decoder: the prompt is the source, options and free text are the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.errors import MeasurementError
from auditkit.models.adapter import Encoded, TokenSequence, common_prefix
from auditkit.models.tokens.batches import Ids
from auditkit.models.tokens.encoding import clean, inside
from auditkit.models.tokens.languages import around
from auditkit.models.tokens.options import require_options
from auditkit.models.weights.checkpoint import UNLIMITED, Checkpoint, TargetStart
from auditkit.schema import Option, Request


@dataclass(frozen=True)
class _Tables:
    """Each distinct text of a batch, tokenised once."""

    sources: dict[str, Ids]
    targets: dict[str, Ids]


class Seq2SeqEncoder:
    """The source is the prompt with the tokenizer's own special tokens; the target the answer's prefix and an option.

    A target's end token is not scored, as in lm-evaluation-harness. An option without a prefix begins its target, so
    that its leading space, which separates it from a prefix, is dropped. `compare` reads an empty source: what is
    scored is the text as a target of nothing, which is not a likelihood that such a model was trained for.
    A source that exceeds the window loses its end, not its beginning: task prefix and language code stand there.
    """

    def __init__(self, checkpoint: Checkpoint, target: TargetStart) -> None:
        """Read the windows (tokens) of both halves, and what the tokenizer puts behind a source."""
        self._tokenizer = checkpoint.tokenizer
        self._target = target
        self._window = checkpoint.window
        longest = getattr(checkpoint.model.config.get_text_config(), "max_position_embeddings", None)
        self._target_window = longest if isinstance(longest, int) else UNLIMITED
        bare = self._tokenizer("a", add_special_tokens=False, verbose=False)["input_ids"]
        self._suffix = around(list(self._source_ids(["a"])[0]), list(bare))[1]

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Tokenise requests; each distinct string once.

        Raises:
            MeasurementError: a request has no option or token to score, or its target does not fit into the window.
        """
        sources = list(dict.fromkeys(self._source(request) for request in requests))
        targets = list(dict.fromkeys(text for request in requests for text in self._texts(request)))
        tables = _Tables(
            dict(zip(sources, self._source_ids(sources), strict=True)),
            dict(zip(targets, self._target_ids(targets), strict=True)),
        )
        return [self._encode(request, tables) for request in requests]

    def _source(self, request: Request) -> str:
        text = "" if request.kind == "compare" else clean(request.text)
        before = self._target.before_source
        return text if before and text.startswith(">>") else before + text

    def _texts(self, request: Request) -> list[str]:
        """The target texts of a request."""
        if request.kind == "compare":
            return [clean(option.text) for option in request.options]
        prefix = clean(request.prefix)
        if request.generation is not None:
            return [prefix]
        return [prefix.rstrip(" "), *(_joined(prefix, option) for option in request.options)]

    def _source_ids(self, texts: list[str]) -> list[Ids]:
        return [tuple(ids) for ids in self._tokenizer(texts, verbose=False)["input_ids"]] if texts else []

    def _target_ids(self, texts: list[str]) -> list[Ids]:
        if not texts:
            return []
        batch = self._tokenizer(text_target=texts, add_special_tokens=False, verbose=False)
        return [tuple(ids) for ids in batch["input_ids"]]

    def _encode(self, request: Request, tables: _Tables) -> Encoded:
        source = tables.sources[self._source(request)]
        if not source:
            raise MeasurementError(
                f"request {request.sha256[:12]}: the source is empty and the tokenizer adds nothing; add a prompt"
            )
        truncated = max(0, len(source) - self._window)
        if truncated:
            end = len(source) - self._suffix
            source = source[: end - truncated] + source[end:]
        if request.generation is not None:
            pairs = [(self._written(request, source, tables), False)]
        elif request.kind == "compare":
            pairs = [(self._text(request, source, option, tables), False) for option in require_options(request)]
        else:
            pairs = [self._continued(request, source, option, tables) for option in require_options(request)]
        sequences = tuple(sequence for sequence, _ in pairs)
        self._check(request, sequences)
        return Encoded(request, sequences, truncated, tuple(merged for _, merged in pairs))

    def _written(self, request: Request, source: Ids, tables: _Tables) -> TokenSequence:
        prefix = tables.targets[clean(request.prefix)]
        before = self._target.before_text if prefix else self._target.before_nothing
        return TokenSequence(source + before + prefix, (), source=len(source))

    def _continued(
        self, request: Request, source: Ids, option: Option, tables: _Tables
    ) -> tuple[TokenSequence, bool]:
        prefix = clean(request.prefix)
        body, before = tables.targets[_joined(prefix, option)], tables.targets[prefix.rstrip(" ")]
        start, merged = len(before), body[: len(before)] != before
        if merged and start >= len(body):  # nothing would be left to score
            start = common_prefix([body, before])
        return self._scored(request, source, body, range(start, len(body))), merged

    def _text(self, request: Request, source: Ids, option: Option, tables: _Tables) -> TokenSequence:
        text = clean(option.text)
        body = tables.targets[text]
        places = list(range(len(body)))
        if option.spans:
            batch = self._tokenizer(
                text_target=[text], add_special_tokens=False, return_offsets_mapping=True, verbose=False
            )
            ranges = [(int(start), int(end)) for start, end in batch["offset_mapping"][0]]
            places = [place for place in places if inside(text, *ranges[place], option.spans)]
        return self._scored(request, source, body, places)

    def _scored(self, request: Request, source: Ids, body: Ids, places: Sequence[int]) -> TokenSequence:
        """The text as a target, of which the tokens at some places are scored."""
        if not places:
            raise MeasurementError(f"request {request.sha256[:12]}: an option has no token that can be scored")
        before = self._target.before_text
        shift = len(source) + len(before)
        return TokenSequence(source + before + body, tuple(shift + place for place in places), source=len(source))

    def _check(self, request: Request, sequences: Sequence[TokenSequence]) -> None:
        room = self._target_window - (request.generation.max_tokens if request.generation else 0)
        longest = max(len(sequence.ids) - sequence.source for sequence in sequences)
        if longest > room:
            raise MeasurementError(
                f"request {request.sha256[:12]}: {longest} tokens of target, with what is to be written, exceed the "
                f"decoder's window of {self._target_window}; shorten the row or max_tokens"
            )


def _joined(prefix: str, option: Option) -> str:
    text: str = clean(option.text)
    return prefix + text if prefix else text.lstrip(" ")

