"""Sentence encoders: a vector a text, and the cosine of a text with each option."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditkit.errors import MeasurementError
from auditkit.models.adapter import Encoded, TokenSequence, View
from auditkit.models.encoders.pooling import Pooling, pool, read_pooling
from auditkit.models.encoders.texts import TextTokeniser, forward, require_text
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Output, Request, Similarities, Subject, Vector, digest


class EmbedderAdapter:
    """Answers with a bare encoder, pooled as its sentence-transformers files say, else by the mean over its tokens.

    `embed` gives the vector of the text; `choose` and `classify` by the rule `similarity` give the cosine of the text
    with each option. A text beyond the window loses its end.
    """

    cacheable = True

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Read how it pools from the files beside its weights.

        Raises:
            ModelError: the files ask for something else than is offered, or cannot be read.
        """
        self.checkpoint = checkpoint
        self.pooling = read_pooling(checkpoint.folder) if checkpoint.folder else Pooling()
        self.tokeniser = TextTokeniser(checkpoint, self.pooling.window)

    @property
    def subject(self) -> Subject:
        """Which model this is; its parts say how it pools."""
        return self.checkpoint.subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Request kind to the scoring rules offered."""
        return {"embed": ("vector",), "choose": ("similarity",), "classify": ("similarity",)}

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Tokenise the text of each request and, by the rule `similarity`, its options.

        Raises:
            MeasurementError: a text or an option is empty or gives no token, or there are no options.
        """
        texts = [self._texts(request) for request in requests]
        rows = iter(self.tokeniser.tokenise([(self._as_read(text), "") for group in texts for text in group]))
        encoded = []
        for request, group in zip(requests, texts, strict=True):
            sequences, dropped = zip(*(next(rows) for _ in group), strict=True)
            encoded.append(Encoded(request, sequences, truncated=sum(dropped)))
        return encoded

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch: one output a request, in the batch's order.

        Vectors are not kept from batch to batch: a run that goes on after an interrupt could not repeat each bit.
        """
        sequences = (sequence for encoded in batch for sequence in encoded.sequences)
        vectors = forward(self.checkpoint, sequences, self._pick)
        for encoded in batch:
            yield self._output(encoded, [vectors[sequence] for sequence in encoded.sequences])

    def view(self, request: Request, option: int) -> View:
        """Not offered.

        Raises:
            MeasurementError: always.
        """
        raise MeasurementError("a cosine of two texts has no single embedding matrix; embedders are not explained yet")

    def _texts(self, request: Request) -> list[str]:
        where = f"request {request.sha256[:12]}"
        require_text(request.text, f"{where}: the text to embed")
        if request.text_pair:
            raise MeasurementError(f"{where}: an embedder reads one text, not a pair; name one field in the template")
        if request.rule != "similarity":
            return [request.text]
        if not request.options:
            raise MeasurementError(f"{where}: there are no options to compare the text with; add choices to the card")
        for number, option in enumerate(request.options, start=1):
            require_text(option.text, f"{where}: option {number}")
        return [request.text, *(option.text.strip() for option in request.options)]

    def _as_read(self, text: str) -> str:
        return self.pooling.prompt + (text.lower() if self.pooling.lower_case else text)

    def _pick(self, output: Any, group: Sequence[TokenSequence]) -> list[list[float]]:
        rows: list[list[float]] = [
            pool(output.last_hidden_state[row, : len(sequence)], self.pooling).tolist()
            for row, sequence in enumerate(group)
        ]
        return rows

    def _output(self, encoded: Encoded, vectors: Sequence[list[float]]) -> Output:
        request = encoded.request
        fields: dict[str, Any] = {
            "request": request.sha256, "rule": request.rule, "truncated": encoded.truncated,
            "input_sha256": digest([list(sequence.ids) for sequence in encoded.sequences]),
            "prompt_tokens": sum(len(sequence) for sequence in encoded.sequences),
        }
        if not all(math.isfinite(value) for vector in vectors for value in vector):
            return Output(**fields, error="the model gave a vector that is not finite; use dtype: float32")
        if request.rule != "similarity":
            return Output(**fields, answer=Vector(values=tuple(vectors[0])))
        if not all(any(vector) for vector in vectors):
            return Output(**fields, error="a text has the vector 0, which has no cosine")
        cosines = tuple(cosine(vectors[0], vector) for vector in vectors[1:])
        return Output(**fields, answer=Similarities(values=cosines))


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    """Cosine of two vectors that are not 0, -1 to 1."""
    product = math.fsum(a * b for a, b in zip(left, right, strict=True))
    lengths = math.sqrt(math.fsum(a * a for a in left) * math.fsum(b * b for b in right))
    return max(-1.0, min(1.0, product / lengths))
