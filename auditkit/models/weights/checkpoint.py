"""A model in memory with its tokenizer, and what was settled about it before it reads."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.schema import Subject

if TYPE_CHECKING:
    import torch

UNLIMITED = 1 << 30
"""Window of a model that names none."""


@dataclass(frozen=True)
class TargetStart:
    """What stands before every target text of an encoder-decoder, and its languages."""

    decoder_start: int
    """Id that the decoder starts with."""
    forced: tuple[int, ...] = ()
    """Ids that must follow it: the forced BOS of the generation config, the target's language."""
    opening: tuple[int, ...] = ()
    """Ids that follow it in the texts that the model was trained on: the forced ones, else what the tokenizer puts
    before a target (BART's `<s>`)."""
    source_language: str = "none"
    """Code of the source's language; `none` where the model has no codes."""
    target_language: str = "none"
    """Code of the target's language."""
    before_source: str = ""
    """Text that goes before every source text: `>>fra<<` of Marian models."""

    @property
    def before_text(self) -> tuple[int, ...]:
        """All ids before a target text that the model is given."""
        return (self.decoder_start, *(self.forced or self.opening))

    @property
    def before_nothing(self) -> tuple[int, ...]:
        """All ids before a target of which the model writes every token itself."""
        return (self.decoder_start, *self.forced)


@dataclass(frozen=True)
class ReadingRules:
    """What a family settles about a loaded model, before it reads any text with it."""

    parts: Mapping[str, str]
    """What this adds to the parts of the subject, and so to its fingerprint: all that moves numbers."""
    chat: bool = False
    """Prompts go through the chat template."""
    target: TargetStart | None = None
    """How the targets of an encoder-decoder begin."""


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
    target: TargetStart | None = None
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
        return model_window(self.model, self.tokenizer)

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


def model_window(model: Any, tokenizer: Any) -> int:
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
    longest = getattr(tokenizer, "model_max_length", None)
    if isinstance(longest, int) and 0 < longest < UNLIMITED:
        limits.append(longest)
    return min(limits, default=UNLIMITED)
