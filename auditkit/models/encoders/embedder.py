"""Sentence encoders: a vector a text, and the cosine of a text with each option."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.errors import MeasurementError, ModelError
from auditkit.models.adapter import Encoded, TokenSequence, View
from auditkit.models.encoders.reader import Reader, forward, require_text
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Output, Request, Similarities, Subject, Vector, digest

if TYPE_CHECKING:
    import torch

MODES = {
    "pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "lasttoken",
}
"""Key of sentence-transformers' pooling file to the mode that it switches on."""


@dataclass(frozen=True, slots=True)
class Pooling:
    """How the vectors of a text's tokens become one."""

    mode: str = "mean"
    """mean, cls (the first token), max or lasttoken, over all tokens that are no padding."""
    normalised: bool = False
    """Whether the vector is scaled to length 1."""
    window: int | None = None
    """Most tokens read."""
    lower_case: bool = False
    """Whether texts are lower-cased first."""
    prompt: str = ""
    """What stands before every text."""
    source: str = "default"
    """Where this was read."""

    def describe(self) -> str:
        """In words, for the subject's parts: everything that moves numbers."""
        parts = [f"{self.mode} of the last layer ({self.source})"]
        parts += ["normalised"] if self.normalised else []
        parts += [f"at most {self.window} tokens"] if self.window else []
        parts += ["lower case"] if self.lower_case else []
        parts += [f"after {self.prompt!r}"] if self.prompt else []
        return ", ".join(parts)


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
        self.reader = Reader(checkpoint, self.pooling.window)

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
        found = iter(self.reader.read([(self._said(text), "") for each in texts for text in each]))
        encoded = []
        for request, each in zip(requests, texts, strict=True):
            read = [next(found) for _ in each]
            encoded.append(
                Encoded(request, tuple(sequence for sequence, _ in read), truncated=sum(dropped for _, dropped in read))
            )
        return encoded

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch: one output a request, in the batch's order.

        Vectors are not kept from batch to batch: a run that goes on after an interrupt could not repeat each bit.
        """
        vectors = forward(self.checkpoint, (one for each in batch for one in each.sequences), self._pick)
        for each in batch:
            yield self._output(each, [vectors[one] for one in each.sequences])

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
        for at, option in enumerate(request.options):
            require_text(option.text, f"{where}: option {at + 1}")
        return [request.text, *(option.text.strip() for option in request.options)]

    def _said(self, text: str) -> str:
        return self.pooling.prompt + (text.lower() if self.pooling.lower_case else text)

    def _pick(self, output: Any, group: Sequence[TokenSequence]) -> list[list[float]]:
        rows: list[list[float]] = [
            pool(output.last_hidden_state[at, : len(sequence)], self.pooling).tolist()
            for at, sequence in enumerate(group)
        ]
        return rows

    def _output(self, encoded: Encoded, vectors: Sequence[list[float]]) -> Output:
        request = encoded.request
        known: dict[str, Any] = {
            "request": request.sha256, "rule": request.rule, "truncated": encoded.truncated,
            "input_sha256": digest([list(sequence.ids) for sequence in encoded.sequences]),
            "prompt_tokens": sum(len(sequence) for sequence in encoded.sequences),
        }
        if not all(math.isfinite(value) for vector in vectors for value in vector):
            return Output(**known, error="the model gave a vector that is no number; use dtype: float32")
        if request.rule != "similarity":
            return Output(**known, answer=Vector(values=tuple(vectors[0])))
        if not all(any(vector) for vector in vectors):
            return Output(**known, error="a text has the vector 0, which has no cosine")
        cosines = tuple(cosine(vectors[0], vector) for vector in vectors[1:])
        return Output(**known, answer=Similarities(values=cosines))


def pool(hidden: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """One vector (D,) in float64 (float32 where the device has none) from hidden states (L, D) without padding."""
    values = hidden.float().cpu().double()
    pooled = {
        "mean": lambda: values.mean(0), "cls": lambda: values[0], "max": lambda: values.amax(0),
        "lasttoken": lambda: values[-1],
    }[pooling.mode]()
    return pooled / pooled.norm() if pooling.normalised else pooled


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Cosine of two vectors that are not 0, -1 to 1."""
    product = math.fsum(a * b for a, b in zip(one, other, strict=True))
    lengths = math.sqrt(math.fsum(a * a for a in one) * math.fsum(b * b for b in other))
    return max(-1.0, min(1.0, product / lengths))


def is_sentence_encoder(folder: Path) -> bool:
    """Whether sentence-transformers wrote this folder, for a model that pools."""
    return any(kind == "Pooling" for kind, _ in _modules(folder))


def read_pooling(folder: Path) -> Pooling:
    """How a folder's model pools: what sentence-transformers' files say, else the mean.

    Raises:
        ModelError: the files ask for something else than is offered, or cannot be read.
    """
    modules = _modules(folder)
    if not modules:
        return Pooling()
    pooling, whole = Pooling(source="modules.json"), True
    for kind, path in modules:
        if kind == "Pooling":
            settings = _read(path / "config.json")
            pooling, whole = replace(pooling, mode=_mode(settings, path)), settings.get("include_prompt") is not False
        elif kind == "Normalize":
            pooling = replace(pooling, normalised=True)
        elif kind != "Transformer":
            raise ModelError(f"{folder}/modules.json: a module {kind} is not offered; only Pooling and Normalize are")
    limits = _read(folder / "sentence_bert_config.json")
    prompts = _read(folder / "config_sentence_transformers.json")
    name = prompts.get("default_prompt_name")
    prompt = str((prompts.get("prompts") or {}).get(name, "")) if name else ""
    if prompt and not whole:
        raise ModelError(f"{folder}: pooling that leaves the default prompt out (include_prompt: false) is not offered")
    return replace(
        pooling, window=limits.get("max_seq_length"), lower_case=bool(limits.get("do_lower_case")), prompt=prompt
    )


def _modules(folder: Path) -> list[tuple[str, Path]]:
    """Class and folder of each sentence-transformers module, in order; none where there is no modules.json."""
    listed = _read(folder / "modules.json", of=list)
    try:
        return [(str(each["type"]).rpartition(".")[2], folder / str(each["path"])) for each in listed]
    except (TypeError, KeyError) as error:
        raise ModelError(f"{folder}/modules.json: a module has no type or path; download the model again") from error


def _mode(settings: Mapping[str, Any], folder: Path) -> str:
    """The mode of a pooling file, which gives a name, or a switch for each."""
    named = settings.get("pooling_mode")
    switched = [key for key, value in settings.items() if key.startswith("pooling_mode_") and value is True]
    modes = [named] if isinstance(named, str) else [MODES.get(key, key) for key in switched]
    if len(modes) != 1 or modes[0] not in MODES.values():
        found = " and ".join(modes) or "nothing"
        raise ModelError(
            f"{folder}/config.json: pooling by {found} is not offered; it must be one of {', '.join(MODES.values())}"
        )
    return modes[0]


def _read(path: Path, of: type = dict) -> Any:
    """A JSON file; an empty value where there is none."""
    if not path.is_file():
        return of()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ModelError(f"{path}: this is not valid JSON ({error}); download the model again") from error
    if not isinstance(found, of):
        raise ModelError(f"{path}: expected a JSON {of.__name__}; download the model again")
    return found
