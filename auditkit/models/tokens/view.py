"""Differentiable views: what a served score as a function of the word embeddings is in every family.

Ids, attention mask and position ids are those that were served, and the same along any path. Baselines repeat a
token's embedding: zeros give NaN under RMSNorm, and GPT-2's unk is a document boundary, which is not neutral.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from auditkit.errors import MeasurementError
from auditkit.models.tokens.encoding import Piece
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.models.weights.quantise import INT8
from auditkit.schema import Subject

if TYPE_CHECKING:
    import torch

_BLANKS = {"space": " ", "newline": "\n", "underscore": "_", "period": "."}


def neutral_tokens(tokenizer: Any) -> dict[str, int]:
    """Baselines, the preferred first: padding unless it is also BOS or EOS; the single tokens for a space, a
    newline, an underscore, a full stop; the unknown token unless it serves as another special token."""
    ends = {tokenizer.bos_token_id, tokenizer.eos_token_id, None}
    neutral: dict[str, int] = {}
    boundary = {name for name in tokenizer.all_special_tokens if "endoftext" in name}
    if tokenizer.pad_token_id not in ends and tokenizer.pad_token not in boundary:
        neutral["pad"] = tokenizer.pad_token_id
    for name, text in _BLANKS.items():
        ids = tokenizer(text, add_special_tokens=False).input_ids
        if len(ids) == 1 and ids[0] not in {*ends, tokenizer.unk_token_id, *neutral.values()}:
            neutral[name] = ids[0]
    unknown = tokenizer.unk_token_id
    if unknown not in {*ends, *neutral.values()} and tokenizer.unk_token not in boundary:
        neutral["unk"] = unknown
    return neutral


class EmbeddingView(ABC):
    """What the views of all families share; see `adapter.View` for the meaning of each property."""

    def __init__(self, checkpoint: Checkpoint, piece: Piece) -> None:
        """Bind one text.

        Args:
            checkpoint: the model.
            piece: its tokens, text and offsets.

        Raises:
            MeasurementError: int8 weights, which have no gradients.
        """
        import torch

        if INT8 in checkpoint.subject.parts.get("quantisation", ""):
            raise MeasurementError("int8 weights have no gradients; explain the model that is not quantised")
        self._checkpoint = checkpoint
        self._piece = piece
        self.ids = torch.tensor(piece.ids, device=checkpoint.device)

    @property
    def offsets(self) -> Sequence[tuple[int, int]]:
        """Character range of each token in `text`."""
        return self._piece.offsets

    @property
    def text(self) -> str:
        """All text that the model read, chat template included."""
        return self._piece.text

    @cached_property
    def tokens(self) -> Sequence[str]:
        """The text of each token; the vocabulary's name where it stands for none."""
        names = self._checkpoint.tokenizer.convert_ids_to_tokens(list(self._piece.ids))
        return tuple(
            self.text[start:end] if end > start else str(name)
            for name, (start, end) in zip(names, self._piece.offsets, strict=True)
        )

    @cached_property
    def special(self) -> Sequence[bool]:
        """True for special tokens, and for those of a chat template, which the request did not write."""
        reserved = set(self._checkpoint.tokenizer.all_special_ids)
        written = self._piece.authored
        return tuple(
            token in reserved or start == end or not any(start < high and end > low for low, high in written)
            for token, (start, end) in zip(self._piece.ids, self._piece.offsets, strict=True)
        )

    @cached_property
    def baselines(self) -> Mapping[str, int]:
        """See `neutral_tokens`."""
        return neutral_tokens(self._checkpoint.tokenizer)

    @property
    def module(self) -> torch.nn.Module:
        """The transformers model."""
        module: torch.nn.Module = self._checkpoint.model
        return module

    @property
    def subject(self) -> Subject:
        """The model."""
        return self._checkpoint.subject

    @property
    def attention(self) -> str:
        """Attention implementation."""
        return self._checkpoint.attention

    @property
    def embeddings(self) -> torch.Tensor:
        """Word-embedding output of the ids, (L, D)."""
        return self.embed(self.ids)

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Word-embedding output of any ids, detached."""
        import torch

        with torch.no_grad():
            embedded: torch.Tensor = self._checkpoint.model.get_input_embeddings()(ids)
        return embedded.detach()

    @abstractmethod
    def score(self, embeddings: torch.Tensor) -> torch.Tensor:
        """The option's score (B,), for embeddings (B, L, D)."""

    def score_ids(self, rows: torch.Tensor) -> torch.Tensor:
        """The option's score (B,), for ids (B, L), through the same path and without gradients."""
        import torch

        with torch.no_grad():
            return self.score(self.embed(rows.to(self._checkpoint.device)))

    def _inputs(self, embeddings: torch.Tensor, *, positions: bool) -> dict[str, torch.Tensor]:
        import torch

        count, length = embeddings.shape[:2]
        inputs = {
            "inputs_embeds": embeddings,
            "attention_mask": torch.ones((count, length), dtype=torch.long, device=embeddings.device),
        }
        if positions:
            inputs["position_ids"] = torch.arange(length, device=embeddings.device).expand(count, length)
        return inputs
