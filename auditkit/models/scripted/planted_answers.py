"""What planted models answer where the right answer is known: tags, spans, numbers, free texts, several classes.

An answer comes from the sample's right one (right or wrong), from the request's hash (random) or from nothing
(constant).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from auditkit.errors import MeasurementError
from auditkit.models.tokens.tags import entity_type
from auditkit.schema import Answer, Number, Probabilities, Request, Sample, SpanAnswer, Tags, Vector

AnswerStyle = Literal["right", "wrong", "random", "constant"]

GARBAGE = "flurb dax wug zorp"
"""A text without an answer."""
NOTHING = "no answer"
"""What says that the passage holds no answer, where a model writes."""
_LIKELY, _UNLIKELY, _UNDECIDED = 0.9, 0.1, 0.5
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class AnswerPool:
    """The right answers of all samples of a planted model, from which a random one is drawn."""

    tags: tuple[str, ...]
    """Every right tag, sorted."""
    texts: tuple[str, ...]
    """Every right text, sorted."""

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> AnswerPool:
        """Gather them."""
        tags: set[str] = set()
        texts: set[str] = set()
        for sample in samples:
            tags.update(sample.tags)
            texts.update(right_answers(sample))
        return cls(tuple(sorted(tags)), tuple(sorted(texts)))


def right_answers(sample: Sample) -> tuple[str, ...]:
    """Every right answer of a sample; none where there is none, or where none is known."""
    return sample.references or ((sample.target,) if sample.target is not None else ())


def draw(purpose: str, request: Request, count: int) -> int:
    """A uniform index below `count`, from the request's hash (draw included) alone."""
    return int(hashlib.sha256(f"{purpose}:{request.sha256}".encode()).hexdigest(), 16) % count


def several_classes(request: Request, sample: Sample) -> bool:
    """Whether any number of the sample's classes may be true."""
    return request.kind == "classify" and request.rule == "probabilities" and sample.several


def planted_answer(style: AnswerStyle, request: Request, sample: Sample, pool: AnswerPool) -> Answer:
    """The answer to a request by the rules tags, span, number and vector, and to one of several classes.

    Wrong is wrong at every word, in every class and in sign, so that metrics read their worst value exactly.

    Raises:
        MeasurementError: the sample's right answer is not known, where it matters.
    """
    makers: Mapping[str, Callable[[AnswerStyle, Request, Sample, AnswerPool], Answer]] = {
        "tags": _tags, "span": _span, "number": _number, "vector": _vector, "probabilities": _classes,
    }
    return makers[request.rule](style, request, sample, pool)


def answer_text(style: AnswerStyle, request: Request, sample: Sample, pool: AnswerPool) -> str:
    """What a planted model writes where it is offered no choices."""
    if style == "constant":
        return "planted"
    if request.kind == "tag":
        return listed(sample.words, _tags(style, request, sample, pool).tags)
    right = right_answers(sample)
    if style == "random":
        return pool.texts[draw("text", request, len(pool.texts))] if pool.texts else "planted"
    if style == "right":
        return right[0] if right else NOTHING if request.kind == "extract" else "planted"
    # a number, where the right answer ends in one: a text without digits would not answer such a question
    numbers = _NUMBER.findall(right[0]) if right else []
    return str(int(float(numbers[-1].replace(",", ""))) + 1) if numbers else GARBAGE


def listed(words: Sequence[str], tags: Sequence[str]) -> str:
    """Tags as a prompted model writes them: a line an entity, `TYPE: words`; `none` where there is none."""
    lines: list[tuple[str, list[str]]] = []
    before = "O"
    for word, tag in zip(words, tags, strict=True):
        kind = entity_type(tag)
        if kind != tag:  # it has a border
            if tag[0] in "BSU" or not lines or entity_type(before) != kind:
                lines.append((kind, []))
            lines[-1][1].append(word)
        before = tag
    return "\n".join(f"{kind}: {' '.join(entity)}" for kind, entity in lines) or "none"


def _tags(style: AnswerStyle, request: Request, sample: Sample, pool: AnswerPool) -> Tags:
    if style in ("right", "wrong") and not sample.tags:
        raise MeasurementError(f"sample {sample.id} has no tags, so that none is known to be {style}")
    tags = pool.tags or ("O",)
    if style == "right":
        return Tags(tags=sample.tags)
    if style == "wrong":
        return Tags(tags=tuple(_other(tag, tags) for tag in sample.tags))
    if style == "constant":
        return Tags(tags=(("O" if "O" in tags else tags[0]),) * len(request.words))
    return Tags(tags=tuple(tags[draw(f"tag {word}", request, len(tags))] for word in range(len(request.words))))


def _other(tag: str, tags: Sequence[str]) -> str:
    """A tag that is wrong however it is read: outside for an entity, an entity for outside, else another one."""
    entities = [name for name in tags if entity_type(name) != name]
    if entity_type(tag) != tag:
        return "O"
    if entities or tag == "O":
        return next((name for name in entities if name[0] in "BSU"), "B-planted")
    others = [name for name in tags if name != tag]
    return others[0] if others else "planted"


def _span(style: AnswerStyle, request: Request, sample: Sample, pool: AnswerPool) -> SpanAnswer:
    passage, right = request.text_pair, right_answers(sample)
    words = list(re.finditer(r"\S+", passage))
    if not words:
        raise MeasurementError(f"sample {sample.id} has no passage")
    if style == "right":
        answer, start = (right[0], max(0, passage.find(right[0]))) if right else ("", 0)
    elif style == "wrong":  # no answer to what has one, and one to what has none: no word in common
        answer, start = ("", 0) if right else (words[0][0], words[0].start())
    else:
        word = words[0 if style == "constant" else draw("span", request, len(words))]
        answer, start = word[0], word.start()
    null = 0.0 if answer else 2.0
    return SpanAnswer(text=answer, start=start, end=start + len(answer), score=1.0, null_score=null)


def _number(style: AnswerStyle, request: Request, sample: Sample, pool: AnswerPool) -> Number:
    if style == "constant":
        return Number(value=0.0)
    if style == "random":
        return Number(value=draw("number", request, 1 << 30) / (1 << 30))
    try:
        right = float(sample.target or "")
    except ValueError:
        raise MeasurementError(f"sample {sample.id}: its target {sample.target!r:.40} is not a number") from None
    return Number(value=right if style == "right" else -right)


def _vector(style: AnswerStyle, request: Request, sample: Sample, pool: AnswerPool) -> Vector:
    if style == "constant":
        return Vector(values=(1.0,) * 8)
    return Vector(values=tuple(draw(f"vector {axis}", request, 2001) / 1000 - 1 for axis in range(8)))


def _classes(style: AnswerStyle, request: Request, sample: Sample, pool: AnswerPool) -> Probabilities:
    classes = {}
    for label in sample.labels:
        if style == "constant":
            classes[label] = _UNDECIDED
            continue
        true = bool(draw(f"class {label}", request, 2)) if style == "random" else label in sample.references
        classes[label] = _LIKELY if true is not (style == "wrong") else _UNLIKELY
    return Probabilities(classes=classes)
