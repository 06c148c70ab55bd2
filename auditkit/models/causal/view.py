"""Differentiable views: a served score as a function of the word embeddings.

Ids, attention mask and position ids are those that were served, and the same along any path. Baselines repeat a
token's embedding: zeros give NaN under RMSNorm, and GPT-2's unk is a document boundary, which is not neutral.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from auditkit.errors import MeasurementError
from auditkit.models.causal.adapter import scored_bytes
from auditkit.models.speed.head import Head
from auditkit.models.tokens.encoding import CausalEncoder, Offsets, Piece, clean
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.models.weights.quantise import INT8
from auditkit.schema import Request, Subject
from auditkit.schema.answer import divisor

if TYPE_CHECKING:
    import torch

    from auditkit.models.encoders.classifier import ClassifierAdapter

_BLANKS = {"space": " ", "newline": "\n", "underscore": "_", "period": "."}


def neutral_tokens(tokenizer: Any) -> dict[str, int]:
    """Baselines, the preferred first: padding unless it is also BOS or EOS; the single tokens for a space, a
    newline, an underscore, a full stop; the unknown token unless it serves as another special token."""
    ends = {tokenizer.bos_token_id, tokenizer.eos_token_id, None}
    found: dict[str, int] = {}
    boundary = {name for name in tokenizer.all_special_tokens if "endoftext" in name}
    if tokenizer.pad_token_id not in ends and tokenizer.pad_token not in boundary:
        found["pad"] = tokenizer.pad_token_id
    for name, text in _BLANKS.items():
        ids = tokenizer(text, add_special_tokens=False).input_ids
        if len(ids) == 1 and ids[0] not in {*ends, tokenizer.unk_token_id, *found.values()}:
            found[name] = ids[0]
    unknown = tokenizer.unk_token_id
    if unknown not in {*ends, *found.values()} and tokenizer.unk_token not in boundary:
        found["unk"] = unknown
    return found


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


class CausalView(EmbeddingView):
    """Log-likelihood of the scored tokens, normalised as the request's rule says; target ids stay fixed."""

    def __init__(
        self, checkpoint: Checkpoint, encoder: CausalEncoder, head: Head, request: Request, option: int
    ) -> None:
        """Bind an option of a request, tokenised as it is scored.

        Raises:
            MeasurementError: a kind without options, or int8 weights.
        """
        if request.kind not in ("choose", "compare", "classify"):
            raise MeasurementError(f"`{request.kind}` has no options whose score could be explained")
        super().__init__(checkpoint, encoder.trace(request, option)[0])
        self._head = head
        self._kind = request.kind
        size = scored_bytes(request, request.options[option]) if request.options else 0
        count = divisor(request.rule, len(self._piece.scored), size)
        if count is None:
            raise MeasurementError(f"option {option + 1} has no scored token, so that it has no score to explain")
        self._divisor = count

    @cached_property
    def free(self) -> Sequence[bool]:
        """The prompt, chat template and BOS included, for `choose`; every position for `compare`."""
        whole = self._kind == "compare"
        return tuple(whole or at < self._piece.scored[0] for at in range(len(self._piece.ids)))

    def score(self, embeddings: torch.Tensor) -> torch.Tensor:
        """See `EmbeddingView.score`: the sum in float64 (float32 where the device has none)."""
        import torch

        count, device = embeddings.shape[0], embeddings.device
        scored = torch.tensor(self._piece.scored, device=device)
        rows = torch.arange(count, device=device).repeat_interleave(len(scored))
        columns = (scored - 1).repeat(count)
        inputs = self._inputs(embeddings, positions=self._checkpoint.accepts_positions)
        logits = self._head.logits(rows, columns, **inputs, use_cache=False).float()
        values = logits.log_softmax(-1).gather(-1, self.ids[scored].repeat(count)[:, None])[:, 0]
        if device.type != "mps":
            values = values.double()
        return values.reshape(count, -1).sum(-1) / self._divisor


class ClassifierView(EmbeddingView):
    """Log-probability of one class: a difference of two of them is a difference of logits, which does not saturate
    as the probability does; its exponential is the served probability. Of a regression the served number itself."""

    def __init__(self, checkpoint: Checkpoint, adapter: ClassifierAdapter, request: Request, option: int) -> None:
        """Bind the class that an option names.

        Raises:
            MeasurementError: no such class, or int8 weights.
        """
        sequence = adapter.encode([request])[0].sequences[0]
        text, offsets, authored = _both_texts(checkpoint, request)
        super().__init__(checkpoint, Piece(sequence.ids, (), text, offsets, authored))
        self._segments = sequence.segments
        self._adapter = adapter
        self._column = 0 if adapter.regression else self._class(request, option)

    def _class(self, request: Request, option: int) -> int:
        name = request.options[option].text.strip() if request.options else self._adapter.classes[option]
        if name not in self._adapter.classes:
            raise MeasurementError(
                f"no class is called {name!r:.60} (id2label has {', '.join(self._adapter.classes)}); "
                f"rename the classes in config.json or the labels in the pack"
            )
        return self._adapter.classes.index(name)

    @property
    def free(self) -> Sequence[bool]:
        """Every position."""
        return (True,) * len(self._piece.ids)

    def score(self, embeddings: torch.Tensor) -> torch.Tensor:
        """See `EmbeddingView.score`."""
        import torch

        # RoBERTa counts positions from padding_idx + 1: the model derives them itself
        inputs = self._inputs(embeddings, positions=False)
        if self._segments:
            row = torch.tensor(self._segments, device=embeddings.device)
            inputs["token_type_ids"] = row.expand(embeddings.shape[0], -1)
        return self._adapter.scores(self._checkpoint.model(**inputs).logits)[:, self._column]


def _both_texts(checkpoint: Checkpoint, request: Request) -> tuple[str, Offsets, Offsets]:
    """The texts a line each, the character range in them of each token, and the ranges of the texts themselves."""
    sides = [clean(text) for text in (request.text, request.text_pair) if text]
    starts = [0, len(sides[0]) + 1]
    batch = checkpoint.tokenizer(
        *sides, truncation=True, max_length=checkpoint.window, return_offsets_mapping=True, verbose=False
    )
    offsets = tuple(
        (0, 0) if side is None else (starts[side] + int(start), starts[side] + int(end))
        for side, (start, end) in zip(batch.sequence_ids(0), batch["offset_mapping"], strict=True)
    )
    ranges = tuple((start, start + len(side)) for start, side in zip(starts, sides, strict=False))
    return "\n".join(sides), offsets, ranges
