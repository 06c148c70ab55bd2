"""How text becomes ids in a decoder: BOS, chat template, the boundary of context and option, spans.

The rules are those of lm-evaluation-harness: encode(context + continuation), cut at len(encode(context)), the context's
trailing spaces moved to the continuation, an empty context replaced by BOS (else EOS).
"""

from __future__ import annotations

from typing import Any

from auditkit.errors import MeasurementError
from auditkit.models.adapter import common_prefix
from auditkit.models.causal.chat import authored, render_chat
from auditkit.models.tokens.encoding import Encoder, Offsets, Piece, clean, inside, plain_prompt
from auditkit.models.tokens.options import require_options
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Option, Request


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
    before_all = own_bos(tokenizer) if bos == "auto" else tokenizer.bos_token_id
    return before_all, first_id(tokenizer)


def boundary_rule(tokenizer: Any, bos: str = "auto") -> str:
    """The BOS rule in words, for the fingerprint: before every text, and before a text without context."""
    before_all, first = starts(tokenizer, bos)
    empty = "none" if first is None else "BOS" if first == tokenizer.bos_token_id else "EOS"
    return f"before every text: {'never' if before_all is None else 'always'}; before an empty context: {empty}"


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

        Raises:
            ModelError: the chat template fails, or drops or changes the text.
        """
        text, prefix = clean(request.text), clean(request.prefix)
        if not self.chat or request.generation is not None:
            text, prefix = plain_prompt(request), ""
        if not self.chat:
            return text, ((0, len(text)),)
        if text not in self._rendered:
            self._rendered = {text: render_chat(self.tokenizer, text)}
        rendered = self._rendered[text]
        return rendered + prefix, (*authored(rendered, text), (len(rendered), len(rendered) + len(prefix)))

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
            return self._texts(request, table, offsets)
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
        ranges = self._offsets(text, shift) if offsets else ()
        return Piece(ids, scored, text, ranges, (*written, (len(context), len(text))), keep, merged)

    def _texts(self, request: Request, table: dict[str, Any], offsets: bool) -> list[Piece]:
        pieces = [self._text(request, option, table, offsets) for option in require_options(request)]
        # without BOS the first token has no log-probability: it must be in the spans of all texts or of none
        first_counts = {
            inside(piece.text, *piece.offsets[0], option.spans)
            for piece, option in zip(pieces, request.options, strict=True) if not piece.keep and option.spans
        }
        if len(first_counts) > 1:
            raise MeasurementError(
                f"request {request.sha256[:12]}: the first word has no log-probability (nothing precedes it), and the "
                f"texts do not share it; use bos: auto"
            )
        return pieces

    def _text(self, request: Request, option: Option, table: dict[str, Any], offsets: bool) -> Piece:
        text = clean(option.text)
        body = tuple(table[text])
        ids, keep = self._begin(body, empty=True)
        shift = len(ids) - len(body)
        ranges = self._offsets(text, shift) if offsets or option.spans else ()
        scored = list(range(max(1, shift), len(ids)))
        if option.spans:
            scored = [position for position in scored if inside(text, *ranges[position], option.spans)]
        if not scored:
            raise MeasurementError(f"request {request.sha256[:12]}: no token of {text!r:.60} lies in the scored spans")
        return Piece(ids, tuple(scored), text, ranges, ((0, len(text)),), keep)

    def _offsets(self, text: str, shift: int) -> Offsets:
        ranges = self.tokenise([text], offsets=True)["offset_mapping"][0]
        return ((0, 0),) * shift + tuple((int(start), int(end)) for start, end in ranges)
