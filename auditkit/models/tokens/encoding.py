"""How text becomes ids: BOS, chat template, the boundary of context and option, spans, truncation.

Decoder rules as lm-evaluation-harness: encode(context + continuation), cut at len(encode(context)), the context's
trailing spaces moved to the continuation, an empty context replaced by BOS (else EOS).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from auditkit.errors import MeasurementError
from auditkit.models.adapter import Encoded, TokenSequence, common_prefix
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Option, Request, repair

Offsets = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Piece:
    """One option as the model reads it, before truncation."""

    ids: tuple[int, ...]
    scored: tuple[int, ...]
    text: str
    """All text that the ids stand for."""
    offsets: Offsets = ()
    """Character range of each id in `text`; (0, 0) for ids that stand for none. Empty unless asked for."""
    authored: tuple[tuple[int, int], ...] = ()
    """Character ranges that the request wrote; the rest is chat template."""
    keep: int = 0
    """Ids at the beginning that truncation never drops (BOS, CLS)."""
    merged: bool = False


def own_bos(tokenizer: Any) -> int | None:
    """The BOS id if the tokenizer puts one before every text by itself (Llama, Gemma; not GPT-2, Qwen)."""
    bos = tokenizer.bos_token_id
    ids = tokenizer("a").input_ids
    return bos if bos is not None and ids and ids[0] == bos else None


def first_id(tokenizer: Any) -> int | None:
    """What an empty context becomes: BOS, else EOS, else nothing (then a first token cannot be scored)."""
    bos: int | None = tokenizer.bos_token_id
    return bos if bos is not None else tokenizer.eos_token_id


def starts(tokenizer: Any, bos: str) -> tuple[int | None, int | None]:
    """The ids that go before every text, and before a text without context; `None` for none.

    Args:
        tokenizer: the model's.
        bos: `Config.bos`.
    """
    if bos == "never":
        return None, None
    every = own_bos(tokenizer) if bos == "auto" else tokenizer.bos_token_id
    return every, first_id(tokenizer)


def boundary_rule(tokenizer: Any, bos: str = "auto") -> str:
    """The BOS rule in words, for the fingerprint: before every text, and before a text without context."""
    every, first = starts(tokenizer, bos)
    empty = "none" if first is None else "BOS" if first == tokenizer.bos_token_id else "EOS"
    return f"before every text: {'never' if every is None else 'always'}; before an empty context: {empty}"


def render_chat(tokenizer: Any, text: str) -> str:
    """One user turn and the beginning of the assistant's, by the tokenizer's template, its system prompt kept."""
    turns = [{"role": "user", "content": text}]
    return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))


def inside(text: str, start: int, end: int, spans: Iterable[tuple[int, int]]) -> bool:
    """Whether the non-space characters of text[start:end] all lie in the spans (of a blank range: all of it)."""
    wanted = [index for index in range(start, end) if not text[index].isspace()] or list(range(start, end))
    spans = tuple(spans)
    return bool(wanted) and all(any(low <= index < high for low, high in spans) for index in wanted)


class Encoder(ABC):
    """Common to the families: tables of tokenised strings, truncation."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Take tokenizer, chat template and window (tokens) from a checkpoint."""
        self.tokenizer = checkpoint.tokenizer
        self.chat = checkpoint.chat
        self.window = checkpoint.window

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Tokenise requests; each distinct string once, in batched calls.

        Raises:
            MeasurementError: a request has no option or token to score, or does not fit into the window.
        """
        table = self._table(requests)
        return [self._encode(request, table) for request in requests]

    @abstractmethod
    def pieces(self, request: Request, table: dict[str, Any], *, offsets: bool = False) -> list[Piece]:
        """One piece an option (or one for a prompt)."""

    def trace(self, request: Request, option: int) -> tuple[Piece, int]:
        """The option's piece with offsets, truncated exactly as `encode` does, and the tokens dropped."""
        table = self._table([request])
        every = self.pieces(request, table, offsets=True)
        dropped = self._drop(request, every)
        return cut(every[option], dropped), dropped

    @abstractmethod
    def strings(self, request: Request) -> list[str]:
        """What has to be tokenised for a request."""

    def tokenise(self, texts: list[str], *, offsets: bool = False) -> Any:
        """One batched call of the tokenizer, without special tokens."""
        return self.tokenizer(
            texts, add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False,
            return_offsets_mapping=offsets, verbose=False,
        )

    def _table(self, requests: Sequence[Request]) -> dict[str, Any]:
        texts = list(dict.fromkeys(text for request in requests for text in self.strings(request)))
        if not texts:
            return {}
        return dict(zip(texts, self.tokenise(texts)["input_ids"], strict=True))

    def _encode(self, request: Request, table: dict[str, Any]) -> Encoded:
        every = self.pieces(request, table)
        dropped = self._drop(request, every)
        cuts = [cut(piece, dropped) for piece in every]
        return Encoded(
            request=request,
            sequences=tuple(TokenSequence(piece.ids, piece.scored) for piece in cuts),
            truncated=dropped,
            merged=tuple(piece.merged for piece in cuts),
        )

    def _drop(self, request: Request, pieces: Sequence[Piece]) -> int:
        """How many tokens of context to drop: as many for each option, so that all share their context."""
        room = self.window - (request.generation.max_tokens if request.generation else 0)
        excess = max(0, *(len(piece.ids) - room for piece in pieces))
        for piece in pieces if excess else ():
            # something must be left before the first scored token (or of the prompt): BOS, CLS, or one token
            free = (piece.scored[0] if piece.scored else len(piece.ids)) - max(piece.keep, 1)
            if excess > free:
                raise MeasurementError(
                    f"request {request.sha256[:12]}: {len(piece.ids)} tokens exceed the window of {self.window} "
                    f"and the scored text cannot be cut; shorten the row, or use a model with a longer window"
                )
        return excess


def cut(piece: Piece, count: int) -> Piece:
    """Drop `count` ids after the kept ones."""
    if not count:
        return piece
    keep = piece.keep
    return Piece(
        ids=piece.ids[:keep] + piece.ids[keep + count :],
        scored=tuple(position - count for position in piece.scored),
        text=piece.text,
        offsets=piece.offsets[:keep] + piece.offsets[keep + count :],
        authored=piece.authored,
        keep=keep,
        merged=piece.merged,
    )


def require_options(request: Request) -> tuple[Option, ...]:
    """The options of a request that must have some.

    Raises:
        MeasurementError: it has none, or an option is empty.
    """
    if not request.options or not all(option.text for option in request.options):
        raise MeasurementError(f"request {request.sha256[:12]}: `{request.kind}` needs options, none of them empty")
    if request.kind == "compare" and (request.text or request.prefix):
        raise MeasurementError(f"request {request.sha256[:12]}: `compare` scores whole texts and takes no prompt")
    return request.options


def clean(text: str) -> str:
    """Valid Unicode: a tokenizer rejects lone surrogates."""
    return repair(text)[0]


class CausalEncoder(Encoder):
    """A decoder: what precedes, then what is scored."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Also settle what every text begins with: BOS, as the checkpoint says."""
        super().__init__(checkpoint)
        self._bos, self._first = starts(self.tokenizer, checkpoint.bos)
        self._rendered: dict[str, str] = {}

    def context(self, request: Request) -> tuple[str, tuple[tuple[int, int], ...]]:
        """All text before the option, and the character ranges of it that the request wrote.

        What is written (a letter, free text) has the prefix at the end of the user's turn: no chat endpoint lets a
        client begin the assistant's turn, and a model must read the same here and there.
        """
        text, prefix = clean(request.text), clean(request.prefix)
        if not self.chat or request.generation is not None:
            text, prefix = f"{text}\n{prefix}" if text and prefix else text + prefix, ""
        if not self.chat:
            return text, ((0, len(text)),)
        if text not in self._rendered:
            self._rendered = {text: render_chat(self.tokenizer, text)}
        rendered = self._rendered[text]
        start = rendered.rfind(text.strip()) if text.strip() else -1
        written = ((start, start + len(text.strip())),) if start >= 0 else ()
        return rendered + prefix, (*written, (len(rendered), len(rendered) + len(prefix)))

    def strings(self, request: Request) -> list[str]:
        """The context, and the context with each option."""
        if request.kind == "compare":
            return [clean(option.text) for option in request.options]
        context = self.context(request)[0]
        if request.generation is not None:
            return [context] if context else []
        head = context.rstrip(" ")
        return ([head] if head else []) + [context + clean(option.text) for option in request.options]

    def pieces(self, request: Request, table: dict[str, Any], *, offsets: bool = False) -> list[Piece]:
        """See `Encoder.pieces`."""
        if request.kind == "compare":
            return self._wholes(request, table, offsets)
        context, written = self.context(request)
        if request.generation is not None:
            ids, keep = self._begin(tuple(table[context]) if context else ())
            if not ids:
                raise MeasurementError("the prompt is empty and the tokenizer has neither BOS nor EOS; add a prompt")
            return [Piece(ids, (), context, authored=written, keep=keep)]
        return [self._continued(context, written, option, table, offsets) for option in require_options(request)]

    def _begin(self, ids: tuple[int, ...], empty: bool = False) -> tuple[tuple[int, ...], int]:
        """Ids with exactly one BOS where the tokenizer uses one, or where nothing precedes; how many to keep."""
        first = self._bos if self._bos is not None else self._first if empty or not ids else None
        if first is None:
            return ids, 0
        return (ids, 1) if ids and ids[0] == first else ((first, *ids), 1)

    def _continued(
        self, context: str, written: tuple[tuple[int, int], ...], option: Option, table: dict[str, Any], offsets: bool
    ) -> Piece:
        text = context + clean(option.text)
        head = context.rstrip(" ")
        body, before = tuple(table[text]), tuple(table[head]) if head else ()
        start, merged = len(before), body[: len(before)] != before
        if merged and start >= len(body):  # nothing would be left to score
            start = common_prefix([body, before])
        ids, keep = self._begin(body, empty=start == 0)
        shift = len(ids) - len(body)
        scored = tuple(position for position in range(shift + start, len(ids)) if position > 0)
        if not scored:
            raise MeasurementError(
                f"option {option.text!r:.60} has no token that can be scored: nothing precedes it, and the tokenizer "
                f"has neither BOS nor EOS; add a prompt"
            )
        found = self._offsets(text, shift) if offsets else ()
        return Piece(ids, scored, text, found, (*written, (len(context), len(text))), keep, merged)

    def _wholes(self, request: Request, table: dict[str, Any], offsets: bool) -> list[Piece]:
        every = [self._whole(request, option, table, offsets) for option in require_options(request)]
        shared = {
            inside(piece.text, *piece.offsets[0], option.spans)
            for piece, option in zip(every, request.options, strict=True) if not piece.keep and option.spans
        }
        if len(shared) > 1:
            raise MeasurementError(
                f"request {request.sha256[:12]}: the first word has no log-probability (nothing precedes it), and the "
                f"texts do not share it; use bos: auto"
            )
        return every

    def _whole(self, request: Request, option: Option, table: dict[str, Any], offsets: bool) -> Piece:
        text = clean(option.text)
        body = tuple(table[text])
        ids, keep = self._begin(body, empty=True)
        shift = len(ids) - len(body)
        found = self._offsets(text, shift) if offsets or option.spans else ()
        candidates = list(range(max(1, shift), len(ids)))
        if option.spans:
            candidates = [at for at in candidates if inside(text, *found[at], option.spans)]
        if not candidates:
            raise MeasurementError(f"request {request.sha256[:12]}: no token of {text!r:.60} lies in the scored spans")
        return Piece(ids, tuple(candidates), text, found, ((0, len(text)),), keep)

    def _offsets(self, text: str, shift: int) -> Offsets:
        found = self.tokenise([text], offsets=True)["offset_mapping"][0]
        return ((0, 0),) * shift + tuple((int(start), int(end)) for start, end in found)


class MaskedEncoder(Encoder):
    """An encoder: one text with the tokenizer's own special tokens."""

    def strings(self, request: Request) -> list[str]:
        """Nothing beforehand: offsets are needed, text by text."""
        return []

    def pieces(self, request: Request, table: dict[str, Any], *, offsets: bool = False) -> list[Piece]:
        """See `Encoder.pieces`."""
        options = require_options(request)
        context = ""
        if request.kind != "compare":
            text, prefix = clean(request.text), clean(request.prefix)
            context = f"{text}\n{prefix}" if text and prefix else text + prefix
        texts = [context + clean(option.text) for option in options]
        batch = self.tokenizer(
            texts, return_offsets_mapping=True, return_special_tokens_mask=True, return_attention_mask=False,
            verbose=False,
        )
        return [
            self._piece(request, option, context, texts[at], {name: batch[name][at] for name in batch})
            for at, option in enumerate(options)
        ]

    def _piece(self, request: Request, option: Option, context: str, text: str, row: dict[str, Any]) -> Piece:
        offsets = tuple((int(start), int(end)) for start, end in row["offset_mapping"])
        special = row["special_tokens_mask"]
        spans = option.spans if request.kind == "compare" and option.spans else ((0, len(text)),)
        scored, merged = [], False
        for at, (start, end) in enumerate(offsets):
            if special[at] or start == end:
                continue
            if request.kind == "compare":
                taken = inside(text, start, end, spans)
            else:
                taken = bool(text[max(start, len(context)) : end].strip())
                merged = merged or (taken and bool(text[start : len(context)].strip()))
            if taken:
                scored.append(at)
        if not scored:
            raise MeasurementError(f"request {request.sha256[:12]}: no token of {text!r:.60} can be scored")
        keep = next((at for at, flag in enumerate(special) if not flag), len(special))
        return Piece(tuple(row["input_ids"]), tuple(scored), text, offsets, ((0, len(text)),), keep, merged)
