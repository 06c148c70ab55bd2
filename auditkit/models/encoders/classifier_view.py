"""The differentiable view of a sequence classifier's answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from auditkit.errors import MeasurementError
from auditkit.models.adapter import TokenSequence
from auditkit.models.encoders.class_head import ClassHead
from auditkit.models.tokens.encoding import Offsets, Piece, clean
from auditkit.models.tokens.view import EmbeddingView
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Request

if TYPE_CHECKING:
    import torch


class ClassifierView(EmbeddingView):
    """Log-probability of one class: a difference of two of them is a difference of logits, which does not saturate
    as the probability does; its exponential is the served probability. Of a regression the served number itself."""

    def __init__(
        self, checkpoint: Checkpoint, head: ClassHead, sequence: TokenSequence, request: Request, option: int
    ) -> None:
        """Bind the class that an option names.

        Args:
            checkpoint: the model.
            head: its classes.
            sequence: the request's texts as they are served.
            request: `classify`, or `choose` by label.
            option: index of the request's option whose text names a class, or of a class where it has no options.

        Raises:
            MeasurementError: no such class, or int8 weights.
        """
        text, offsets, authored = _both_texts(checkpoint, request)
        super().__init__(checkpoint, Piece(sequence.ids, (), text, offsets, authored))
        self._segments = sequence.segments
        self._head = head
        self._column = 0 if head.regression else self._class(request, option)

    def _class(self, request: Request, option: int) -> int:
        name = request.options[option].text.strip() if request.options else self._head.classes[option]
        if name not in self._head.classes:
            raise MeasurementError(
                f"no class is called {name!r:.60} (id2label has {', '.join(self._head.classes)}); "
                f"rename the classes in config.json or the labels in the pack"
            )
        return self._head.classes.index(name)

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
        return self._head.scores(self._checkpoint.model(**inputs).logits)[:, self._column]


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
