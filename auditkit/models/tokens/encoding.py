"""How the text of a request becomes ids, in every family: tables of tokenised strings, spans, truncation.

Where a context ends and an option begins is the family's own: see `causal.tokens`, `encoders.masked`, `seq2seq.tokens`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from auditkit.errors import MeasurementError
from auditkit.models.adapter import Encoded, TokenSequence
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Request, repair

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


def inside(text: str, start: int, end: int, spans: Iterable[tuple[int, int]]) -> bool:
    """Whether the non-space characters of text[start:end] all lie in the spans (of a blank range: all of it)."""
    places = [index for index in range(start, end) if not text[index].isspace()] or list(range(start, end))
    spans = tuple(spans)
    return bool(places) and all(any(low <= index < high for low, high in spans) for index in places)


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
        pieces = self.pieces(request, table, offsets=True)
        dropped = self._excess(request, pieces)
        return cut(pieces[option], dropped), dropped

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
        pieces = self.pieces(request, table)
        dropped = self._excess(request, pieces)
        cuts = [cut(piece, dropped) for piece in pieces]
        return Encoded(
            request=request,
            sequences=tuple(TokenSequence(piece.ids, piece.scored) for piece in cuts),
            truncated=dropped,
            merged=tuple(piece.merged for piece in cuts),
        )

    def _excess(self, request: Request, pieces: Sequence[Piece]) -> int:
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


def clean(text: str) -> str:
    """Valid Unicode: a tokenizer rejects lone surrogates."""
    return repair(text)[0]


def plain_prompt(request: Request) -> str:
    """Text and prefix of a request as a model without chat template reads them."""
    text, prefix = clean(request.text), clean(request.prefix)
    return f"{text}\n{prefix}" if text and prefix else text + prefix
