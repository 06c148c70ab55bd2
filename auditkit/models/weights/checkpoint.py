"""A model in memory with its tokenizer: what the adapters of one family share."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.models.tokens.languages import Target
from auditkit.schema import Subject

if TYPE_CHECKING:
    import torch

UNLIMITED = 1 << 30
"""Window of a model that names none."""


@dataclass(frozen=True)
class Checkpoint:
    """One loaded model, in evaluation mode, its parameters frozen."""

    model: Any
    """A transformers `PreTrainedModel` with its head."""
    tokenizer: Any
    """A fast tokenizer."""
    subject: Subject
    batch_tokens: int = 2048
    """Token budget of one forward pass."""
    chat: bool = False
    """Prompts go through the chat template."""
    bos: str = "auto"
    """`Config.bos`."""
    folder: Path | None = None
    """Where it was loaded from."""
    target: Target | None = None
    """How the targets of an encoder-decoder begin."""
    disk_bytes: int | None = None
    """Size of the weight files as the user has them."""

    @property
    def device(self) -> torch.device:
        """Where the word embeddings lie."""
        device: torch.device = self.model.get_input_embeddings().weight.device
        return device

    @property
    def attention(self) -> str:
        """Attention implementation, as it is now: `explain` may switch it for a while."""
        return str(getattr(self.model.config, "_attn_implementation", None) or "unknown")

    @property
    def window(self) -> int:
        """Most tokens that the model reads."""
        return window(self.model, self.tokenizer)

    @cached_property
    def vocabulary(self) -> int:
        """Rows of the word embedding."""
        return int(self.model.get_input_embeddings().weight.shape[0])

    @cached_property
    def accepts_positions(self) -> bool:
        """Whether the model takes explicit position ids."""
        return "position_ids" in inspect.signature(self.model.forward).parameters

    @property
    def pad(self) -> int:
        """Id that fills short rows; its positions are masked, so that any id would do for most models."""
        for value in (self.model.config.get_text_config().pad_token_id, self.tokenizer.pad_token_id):
            if isinstance(value, int) and 0 <= value < self.vocabulary:
                return value
        return 0


def window(model: Any, tokenizer: Any) -> int:
    """Most tokens that a model reads: the smallest of the limits that config, embeddings and tokenizer name."""
    config = model.config.get_text_config()
    limits = [
        value
        for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")
        if isinstance(value := getattr(config, name, None), int) and value > 0
    ]
    table = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    if table is not None and getattr(table, "padding_idx", None) is not None:
        # RoBERTa counts positions from padding_idx + 1
        limits.append(int(table.num_embeddings) - int(table.padding_idx) - 1)
    named = getattr(tokenizer, "model_max_length", None)
    if isinstance(named, int) and 0 < named < UNLIMITED:
        limits.append(named)
    return min(limits, default=UNLIMITED)
