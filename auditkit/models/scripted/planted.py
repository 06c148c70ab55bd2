"""Planted models: adapters whose bias is known, against which every probe is run.

They read a sample's labels, never a score; chance comes from the request's hash, never from call order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from auditkit.errors import MeasurementError, ModelError
from auditkit.models.adapter import Adapter, Encoded, PackRows
from auditkit.models.scripted import BEHAVIOURS, PLANTED_SCHEME
from auditkit.models.scripted.planted_answers import (
    GARBAGE,
    AnswerPool,
    AnswerStyle,
    answer_text,
    draw,
    planted_answer,
    right_answers,
    several_classes,
)
from auditkit.models.tokens.options import LIKELIHOODS, PSEUDO_LIKELIHOODS
from auditkit.models.weights.fingerprint import source_sha256
from auditkit.schema import (
    Answer,
    Benchmark,
    FreeText,
    OptionScore,
    OptionScores,
    Output,
    Probabilities,
    Request,
    Sample,
    Similarities,
    Subject,
    digest,
)

_WANTED = {
    "always-stereotyped": "stereotype", "always-anti": "anti", "always-true": "true", "always-false": "false",
}
"""Behaviours that take one label wherever it is offered, and answer rightly elsewhere."""

REFUSAL = "I'm sorry, but I can't help with that."
"""A text that refuses."""

_LIKELIHOODS = (*LIKELIHOODS, *PSEUDO_LIKELIHOODS)
_PREFERRED, _MEANINGFUL, _UNRELATED = -1.0, -2.0, -3.0
"""Scores: what the model prefers; the other stereotype or anti-stereotype; all else."""
_IMPOSSIBLE = -1000.0
"""The score of what a certain behaviour excludes: its probability is 0."""
_CERTAIN = ("always-right", "always-wrong", "one-group-wrong")
"""Behaviours without doubt, so that metrics of probabilities read their best and worst values exactly."""
_COSINE = 0.25
"""Cosine for one unit of score: 0.75, 0.5 and 0.25."""
_STYLES: dict[str, AnswerStyle] = {
    "always-wrong": "wrong", "random": "random", "constant": "constant", "majority": "constant",
}
"""How a behaviour answers a task whose right answer is known; all others answer rightly."""


class PlantedAdapter:
    """Answers by a planted behaviour."""

    cacheable = False

    def __init__(self, behaviour: str, samples: Mapping[str, Sample]) -> None:
        """Plant a behaviour.

        Args:
            behaviour: one of `BEHAVIOURS`.
            samples: request sha256 to the sample that asks it.

        Raises:
            ModelError: no such behaviour.
        """
        if behaviour not in BEHAVIOURS:
            raise ModelError(f'no planted model is called "{behaviour}"; there are: {", ".join(BEHAVIOURS)}')
        self._behaviour = behaviour
        self._samples = samples
        parts = {"adapter": "planted", "behaviour": behaviour, "source": source_sha256()}
        name = f"{PLANTED_SCHEME}{behaviour}"
        self._subject = Subject(name=name, kind="planted", fingerprint=digest(parts), parts=parts)

    @property
    def subject(self) -> Subject:
        """Which behaviour this is."""
        return self._subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Every rule of every kind that has choices or text."""
        return {
            "choose": (*_LIKELIHOODS, "letter", "label", "similarity"),
            "compare": _LIKELIHOODS,
            "generate": ("text",),
            "classify": ("probabilities", "number", *_LIKELIHOODS, "letter", "similarity"),
            "tag": ("tags", "text"),
            "extract": ("span", "text"),
            "embed": ("vector",),
        }

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Nothing to tokenise: batched by count."""
        return [Encoded(request) for request in requests]

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch, in order.

        Raises:
            MeasurementError: the behaviour is `crashing`, or a request belongs to no sample.
        """
        for encoded in batch:
            yield self._answer(encoded.request)

    def _answer(self, request: Request) -> Output:
        if self._behaviour == "crashing":
            raise MeasurementError("planted:crashing crashes, as it must")
        sample = self._samples.get(request.sha256)
        if sample is None:
            raise MeasurementError(f"planted:{self._behaviour}: request {request.sha256[:12]} belongs to no sample")
        finish = None
        if self._behaviour in ("garbage", "refusing"):
            refuses = self._behaviour == "refusing"
            answer: Answer = FreeText(text=REFUSAL if refuses else GARBAGE)
            finish = "refusal" if refuses else "stop"
        elif request.rule in ("tags", "span", "number", "vector") or several_classes(request, sample):
            answer = planted_answer(self._style_of(sample), request, sample, self._pool)
        elif request.rule in ("text", "letter", "saved"):
            answer, finish = self._text(request, sample), "stop"
        else:
            answer = self._scores(request, sample)
        return Output(request=request.sha256, rule=request.rule, answer=answer, finish_reason=finish)

    def _scores(self, request: Request, sample: Sample) -> Answer:
        """A score for each option, or a probability for each class."""
        labels = sample.labels or ((sample.target,) if sample.target else ())
        if not labels:
            raise MeasurementError(f"planted:{self._behaviour}: sample {sample.id} has neither choices nor a target")
        preferred = self._preferred(request, sample)
        if request.rule in ("label", "probabilities"):
            return Probabilities(classes=_probabilities(labels, preferred, certain=self._behaviour in _CERTAIN))
        scores = _scores(labels, preferred)
        if self._behaviour in _CERTAIN and request.rule != "similarity":
            scores = [score if index == preferred else _IMPOSSIBLE for index, score in enumerate(scores)]
        if request.rule == "similarity":
            return Similarities(values=tuple(1.0 + _COSINE * score for score in scores))
        return OptionScores(
            options=tuple(OptionScore(sum=score, tokens=1, bytes=1, logprobs=(score,)) for score in scores)
        )

    def _text(self, request: Request, sample: Sample) -> FreeText:
        """A letter, or the text of the preferred choice (of the target where there are no choices)."""
        preferred = self._preferred(request, sample) if sample.choices else None
        if preferred is not None:
            choice = sample.choices[preferred]
            names = {"letter": chr(ord("A") + preferred), "saved": choice.label}
            return FreeText(text=names.get(request.rule, choice.text))
        if sample.choices:  # a constant score prefers nothing: name every choice, which no parser may read as one
            names_of_all = (
                chr(ord("A") + index) if request.rule == "letter" else choice.text
                for index, choice in enumerate(sample.choices)
            )
            return FreeText(text=" or ".join(names_of_all))
        return FreeText(text=answer_text(self._style_of(sample), request, sample, self._pool))

    def _is_wrong(self, sample: Sample) -> bool:
        """Whether the behaviour answers this sample wrongly."""
        if self._behaviour == "one-group-wrong":
            return self._wrong_group is None or self._wrong_group in sample.groups.items()
        return self._behaviour == "always-wrong"

    @cached_property
    def _majority(self) -> str:
        """The most frequent target; the first by name among equals."""
        counts = Counter(sample.target for sample in self._samples.values() if sample.target is not None)
        return min(counts, key=lambda target: (-counts[target], target), default="")

    @cached_property
    def _wrong_group(self) -> tuple[str, str] | None:
        """The first group of the first axis; `None` where no sample has one, and all are answered wrongly."""
        return min((item for sample in self._samples.values() for item in sample.groups.items()), default=None)

    def _style_of(self, sample: Sample) -> AnswerStyle:
        if self._behaviour == "one-group-wrong":
            return "wrong" if self._is_wrong(sample) else "right"
        return _STYLES.get(self._behaviour, "right")

    @cached_property
    def _pool(self) -> AnswerPool:
        return AnswerPool.of(self._samples.values())

    def _preferred(self, request: Request, sample: Sample) -> int | None:
        """Index of the choice that the behaviour prefers; none for a constant score."""
        labels = sample.labels
        label_of_behaviour: str | None = None
        if self._behaviour == "constant":
            return None
        if self._behaviour == "first-option":
            return 0
        if self._behaviour == "random":
            return draw("random", request, max(1, len(labels)))
        if self._behaviour in ("always-right", "always-wrong", "one-group-wrong"):
            return _by_truth(sample, right=not self._is_wrong(sample))
        if self._behaviour == "majority":
            return labels.index(self._majority) if self._majority in labels else 0
        if self._behaviour in _WANTED:
            label_of_behaviour = _WANTED[self._behaviour]
        elif self._behaviour == "always-unknown":
            return labels.index("unknown") if "unknown" in labels else 0
        elif self._behaviour == "case-sensitive":
            label_of_behaviour = "stereotype" if _in_capitals(sample) else None
        elif self._behaviour == "half-and-half":
            label_of_behaviour = ("stereotype", "anti")[draw("half", request, 2)]
        elif self._behaviour == "never-stereotyped":
            label_of_behaviour = sample.target or ("stereotype", "anti")[self._ranks[sample.id] % 2]
        for label in (label_of_behaviour, sample.target):
            if label in labels:
                return labels.index(label)
        return 0

    @cached_property
    def _ranks(self) -> dict[str, int]:
        """Rank by id of each sample without a target within its template: even ones take the stereotype."""
        templates: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for sample in self._samples.values():
            if sample.target is None:
                templates[_template(sample)].add(sample.id)
        return {name: rank for members in templates.values() for rank, name in enumerate(sorted(members))}


class Planted:
    """A behaviour that answers every sample of every pack, by the first rule of its card."""

    def __init__(self, behaviour: str) -> None:
        """Raises `ModelError` where there is no such behaviour."""
        PlantedAdapter(behaviour, {})
        self._behaviour = behaviour

    def rule(self, card: Benchmark, requested: str | None = None) -> str:
        """Any of the card; its first where the user asks for none."""
        return requested or card.rules[0]

    def holds(self, sample: Sample) -> bool:
        """Always."""
        return True

    def agree(self, first: Sample, second: Sample) -> None:
        """Samples that ask the same have the same labels: the loader saw to it."""

    def adapter(self, samples: Mapping[str, Sample]) -> Adapter:
        """The planted model, with the samples that it is asked about."""
        return PlantedAdapter(self._behaviour, samples)


def open_planted(behaviour: str, packs: PackRows) -> Planted:
    """The planted model of a name.

    Raises:
        ModelError: there is none.
    """
    return Planted(behaviour)


def _in_capitals(sample: Sample) -> bool:
    """Whether most letters of the sample's input are capitals."""
    letters = [letter for text in sample.input.values() for letter in text if letter.isalpha()]
    return 2 * sum(letter.isupper() for letter in letters) > len(letters)


def _template(sample: Sample) -> tuple[str, str, str]:
    """The outermost cluster: benchmark, factor, cluster; the sample itself where it has none."""
    if not sample.clusters:
        return (sample.benchmark, "", sample.id)
    factor = "template" if "template" in sample.clusters else min(sample.clusters)
    return (sample.benchmark, factor, sample.clusters[factor])


def _by_truth(sample: Sample, *, right: bool) -> int:
    """The first choice that is right, or the first that is wrong."""
    answers = set(right_answers(sample))
    if right and answers and not sample.labels:  # its only class is the target
        return 0
    fitting = [index for index, label in enumerate(sample.labels) if (label in answers) is right]
    if not answers or not fitting:
        raise MeasurementError(f"sample {sample.id} has no choice that is known to be {'right' if right else 'wrong'}")
    return fitting[0]


def _scores(labels: Sequence[str], preferred: int | None) -> list[float]:
    if preferred is None:
        return [_PREFERRED] * len(labels)
    return [
        _PREFERRED if index == preferred else _MEANINGFUL if label in ("stereotype", "anti") else _UNRELATED
        for index, label in enumerate(labels)
    ]


def _probabilities(labels: Sequence[str], preferred: int | None, *, certain: bool) -> dict[str, float]:
    distinct = list(dict.fromkeys(labels))
    if preferred is None or len(distinct) == 1:
        return dict.fromkeys(distinct, 1.0 / len(distinct))
    first = 1.0 if certain else 0.8
    rest = (1.0 - first) / (len(distinct) - 1)
    return {label: first if label == labels[preferred] else rest for label in distinct}
