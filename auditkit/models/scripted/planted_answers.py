"""What planted models answer to tasks with a known truth: tags, spans, numbers, free texts, several classes.

A value comes from the sample's truth (right or wrong), from the request's hash (random) or from nothing (constant).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from auditkit.errors import MeasurementError
from auditkit.models.encoders.tagger import kind_of
from auditkit.schema import Answer, Number, Probabilities, Request, Sample, SpanAnswer, Tags, Vector

Manner = Literal["right", "wrong", "random", "constant"]

GARBAGE = "flurb dax wug zorp"
"""A text without an answer."""
NOTHING = "no answer"
"""What says that the passage holds no answer, where a model writes."""
_LIKELY, _UNLIKELY, _UNDECIDED = 0.9, 0.1, 0.5
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Known:
    """What all samples of a planted model have between them, from which a random answer is drawn."""

    tags: tuple[str, ...]
    """Every right tag, sorted."""
    texts: tuple[str, ...]
    """Every right text, sorted."""

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> Known:
        """Gather them."""
        tags: set[str] = set()
        texts: set[str] = set()
        for sample in samples:
            tags.update(sample.tags)
            texts.update(truths(sample))
        return cls(tuple(sorted(tags)), tuple(sorted(texts)))


def truths(sample: Sample) -> tuple[str, ...]:
    """Every right answer of a sample; none where there is none, or where none is known."""
    return sample.references or ((sample.target,) if sample.target is not None else ())


def drawn(purpose: str, request: Request, count: int) -> int:
    """A uniform index below `count`, from the request's hash (draw included) alone."""
    return int(hashlib.sha256(f"{purpose}:{request.sha256}".encode()).hexdigest(), 16) % count


def several_classes(request: Request, sample: Sample) -> bool:
    """Whether any number of the sample's classes may be true."""
    return request.kind == "classify" and request.rule == "probabilities" and sample.several


def planted_answer(manner: Manner, request: Request, sample: Sample, known: Known) -> Answer:
    """The answer to a request by the rules tags, span, number and vector, and to one of several classes.

    Wrong is wrong at every word, in every class and in sign, so that metrics read their worst value exactly.

    Raises:
        MeasurementError: the sample has no truth, where a truth is asked for.
    """
    makers: Mapping[str, Callable[[Manner, Request, Sample, Known], Answer]] = {
        "tags": _tags, "span": _span, "number": _number, "vector": _vector, "probabilities": _classes,
    }
    return makers[request.rule](manner, request, sample, known)


def text(manner: Manner, request: Request, sample: Sample, known: Known) -> str:
    """What a planted model writes where it is offered no choices."""
    if manner == "constant":
        return "planted"
    if request.kind == "tag":
        return listed(sample.words, _tags(manner, request, sample, known).tags)
    right = truths(sample)
    if manner == "random":
        return known.texts[drawn("text", request, len(known.texts))] if known.texts else "planted"
    if manner == "right":
        return right[0] if right else NOTHING if request.kind == "extract" else "planted"
    # digits, where the truth ends in a number: a text without any would be no answer to such a question
    found = _NUMBER.findall(right[0]) if right else []
    return str(int(float(found[-1].replace(",", ""))) + 1) if found else GARBAGE


def listed(words: Sequence[str], tags: Sequence[str]) -> str:
    """Tags as a prompted model writes them: a line an entity, `TYPE: words`; `none` where there is none."""
    lines: list[tuple[str, list[str]]] = []
    before = "O"
    for word, tag in zip(words, tags, strict=True):
        kind = kind_of(tag)
        if kind != tag:  # it has a border
            if tag[0] in "BSU" or not lines or kind_of(before) != kind:
                lines.append((kind, []))
            lines[-1][1].append(word)
        before = tag
    return "\n".join(f"{kind}: {' '.join(said)}" for kind, said in lines) or "none"


def _tags(manner: Manner, request: Request, sample: Sample, known: Known) -> Tags:
    if manner in ("right", "wrong") and not sample.tags:
        raise MeasurementError(f"sample {sample.id} has no tags, so that none is known to be {manner}")
    every = known.tags or ("O",)
    if manner == "right":
        return Tags(tags=sample.tags)
    if manner == "wrong":
        return Tags(tags=tuple(_other(tag, every) for tag in sample.tags))
    if manner == "constant":
        return Tags(tags=(("O" if "O" in every else every[0]),) * len(request.words))
    return Tags(tags=tuple(every[drawn(f"tag {at}", request, len(every))] for at in range(len(request.words))))


def _other(tag: str, every: Sequence[str]) -> str:
    """A tag that is wrong however it is read: outside for an entity, an entity for outside, else another one."""
    entities = [each for each in every if kind_of(each) != each]
    if kind_of(tag) != tag:
        return "O"
    if entities or tag == "O":
        return next((each for each in entities if each[0] in "BSU"), "B-planted")
    others = [each for each in every if each != tag]
    return others[0] if others else "planted"


def _span(manner: Manner, request: Request, sample: Sample, known: Known) -> SpanAnswer:
    passage, right = request.text_pair, truths(sample)
    words = list(re.finditer(r"\S+", passage))
    if not words:
        raise MeasurementError(f"sample {sample.id} has no passage")
    if manner == "right":
        start = max(0, passage.find(right[0])) if right else 0
        found = (right[0], start) if right else ("", 0)
    elif manner == "wrong":  # no answer to what has one, and one to what has none: no word in common
        found = ("", 0) if right else (words[0][0], words[0].start())
    else:
        word = words[0 if manner == "constant" else drawn("span", request, len(words))]
        found = (word[0], word.start())
    said, start = found
    null = 0.0 if said else 2.0
    return SpanAnswer(text=said, start=start, end=start + len(said), score=1.0, null_score=null)


def _number(manner: Manner, request: Request, sample: Sample, known: Known) -> Number:
    if manner == "constant":
        return Number(value=0.0)
    if manner == "random":
        return Number(value=drawn("number", request, 1 << 30) / (1 << 30))
    try:
        right = float(sample.target or "")
    except ValueError:
        raise MeasurementError(f"sample {sample.id}: its target {sample.target!r:.40} is no number") from None
    return Number(value=right if manner == "right" else -right)


def _vector(manner: Manner, request: Request, sample: Sample, known: Known) -> Vector:
    if manner == "constant":
        return Vector(values=(1.0,) * 8)
    return Vector(values=tuple(drawn(f"vector {at}", request, 2001) / 1000 - 1 for at in range(8)))


def _classes(manner: Manner, request: Request, sample: Sample, known: Known) -> Probabilities:
    classes = {}
    for label in sample.labels:
        if manner == "constant":
            classes[label] = _UNDECIDED
            continue
        true = bool(drawn(f"class {label}", request, 2)) if manner == "random" else label in sample.references
        classes[label] = _LIKELY if true is not (manner == "wrong") else _UNLIKELY
    return Probabilities(classes=classes)
