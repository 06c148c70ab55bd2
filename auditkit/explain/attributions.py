"""Attributions of cited samples: integrated gradients at the embedding layer, with their completeness error.

Nothing here is measured again: the explained score must equal the served one. Importing this loads neither torch nor
Captum.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.explain.agreement import rank_agreement
from auditkit.explain.budget import PassBudget
from auditkit.explain.integral import Integral, integrate
from auditkit.explain.options import ExplainedOption, served_score
from auditkit.explain.score_function import ScoreFunction, without_parameter_gradients
from auditkit.explain.token_words import join_words
from auditkit.models.adapter import Adapter, ExplainableAdapter
from auditkit.schema import Attribution, Explain, Option, Probabilities, Request
from auditkit.schema.event import Event, OnEvent, ignore

METHOD = "layer_integrated_gradients"
SERVED_TOLERANCE = 1e-4
"""Largest |explained - served score|, relative to the score where that exceeds 1."""

Reliability = Literal["valid", "not_converged", "not_served", "non_finite"]


@dataclass(frozen=True, slots=True)
class MissingExplanation:
    """Why a cited sample has no attribution."""

    sample_id: str
    reason: str


def explain(
    adapter: Adapter,
    options: Sequence[ExplainedOption],
    settings: Explain,
    *,
    done: Iterable[Attribution] = (),
    on_event: OnEvent = ignore,
) -> Iterator[Attribution | MissingExplanation]:
    """Explain options in their order, within the budget of passes.

    Args:
        adapter: the model; one without `view` has no gradients, and nothing is explained.
        options: from `options_to_explain`.
        settings: tolerance, most steps, budget.
        done: attributions that an interrupted run has already: they are not made or given again, and their passes
            count, so that the budget ends where it would have ended.
        on_event: called before each option.

    Yields:
        An attribution, reliable or not; or why there is none. What goes wrong with one option leaves the others alone.
    """
    budget = PassBudget(settings.budget)
    earlier = {(item.sample_id, item.request, item.option, item.against): item for item in done}
    for index, explained in enumerate(options):
        on_event(Event("explain", explained.sample_id, done=index, total=len(options)))
        key = (explained.sample_id, explained.request.sha256, explained.option, explained.against)
        if key in earlier:
            budget.spent += earlier[key].passes
        else:
            yield _attempt(adapter, explained, settings, budget)
    if options:
        passes = f"{budget.spent} forward and backward passes"
        on_event(Event("explain", passes, done=len(options), total=len(options)))


def _attempt(
    adapter: Adapter, explained: ExplainedOption, settings: Explain, budget: PassBudget
) -> Attribution | MissingExplanation:
    sample = explained.sample_id
    if not isinstance(adapter, ExplainableAdapter):
        name = f"{adapter.subject.kind} model {adapter.subject.name}"
        return MissingExplanation(sample, f"the {name} offers no view of its embeddings, so it has no gradients")
    try:
        return _explain(adapter, explained, settings, budget)
    except MeasurementError as error:
        return MissingExplanation(sample, str(error))
    except Exception as error:  # noqa: BLE001 - a library's failure on one sample must not cost the others
        lines = str(error).splitlines() or [""]
        return MissingExplanation(sample, f"{type(error).__name__} while it was explained: {lines[0]}".rstrip(": "))


def _explain(
    adapter: ExplainableAdapter, explained: ExplainedOption, settings: Explain, budget: PassBudget
) -> Attribution:
    if budget.used_up:
        budget.spend(1)  # raises before anything is loaded or computed
    served = served_score(explained)
    import torch

    before = budget.spent
    with torch.inference_mode(mode=False):
        views = [adapter.view(_request(explained), index) for index in explained.indexes]
        with without_parameter_gradients(views[0].module):
            function = ScoreFunction(views, budget)
            score = _same_twice(function)
            baselines = list(views[0].baselines.items())[:2]
            if not baselines:
                raise MeasurementError("the tokenizer has no neutral token that could be a baseline")
            integrals = [
                (name, integrate(function, function.baseline(token), score, settings)) for name, token in baselines
            ]
    return _record(explained, function, integrals, served, budget.spent - before)


def _request(explained: ExplainedOption) -> Request:
    """The request as the view reads it: options that stand for classes bear the classes' names."""
    if not explained.names:
        return explained.request
    return explained.request.model_copy(update={"options": tuple(Option(text=name) for name in explained.names)})


def _same_twice(function: ScoreFunction) -> float:
    """F at the input, after two equal forwards."""
    first, second = function.value(function.free), function.value(function.free)
    if not math.isfinite(first):
        raise MeasurementError("the explained score is not finite; use dtype: float32")
    if abs(first - second) > 1e-6 * max(1.0, abs(first)):
        raise MeasurementError(f"two equal forwards differ ({first:.6g}, {second:.6g}); its gradients explain neither")
    return first


def _record(
    explained: ExplainedOption, function: ScoreFunction, integrals: Sequence[tuple[str, Integral]], served: float,
    passes: int,
) -> Attribution:
    """The record of an attribution.

    Args:
        explained: the option.
        function: its score as a function of the embeddings.
        integrals: for each baseline, its name and the attributions; the first one's are recorded.
        served: the score that was served.
        passes: what it cost.

    Raises:
        MeasurementError: the score at the baseline is not finite.
    """
    (name, first), second = integrals[0], integrals[1:]
    if not math.isfinite(first.start):
        raise MeasurementError(f"the score at the baseline `{name}` is not finite")
    # where a gradient is not finite nothing is attributed: the error is then all that there was to explain
    view, positions = function.view, function.listed if first.finite else []
    tokens, special = [view.tokens[i] for i in positions], [bool(view.special[i]) for i in positions]
    words = join_words(view.text, [view.offsets[i] for i in positions], tokens, special)
    scores = _at(positions, function, first)
    # completeness: the scores of all tokens should sum to the rise of F from the baseline to the input
    error = abs(float(scores.sum()) - (first.end - first.start))
    mass = float(np.abs(scores).sum())
    difference = abs(first.end - served)
    agreement = None
    if second and all(integral.converged for _, integral in integrals):
        agreement = rank_agreement(words.scores(scores), words.scores(_at(positions, function, second[0][1])))
    return Attribution(
        sample_id=explained.sample_id, request=explained.request.sha256, option=explained.option,
        against=explained.against, method=METHOD, target=_in_words(explained),
        tokens=tuple(tokens), token_scores=tuple(scores.tolist()), special=tuple(special),
        words=words.texts, word_scores=tuple(words.scores(scores).tolist()),
        baseline=name, second_baseline=second[0][0] if second else None, agreement=agreement,
        score=first.end, baseline_score=first.start, served_difference=difference,
        convergence_delta=error, relative_delta=error / mass if mass > 0 else None, steps=first.steps,
        dtype=str(view.embeddings.dtype).removeprefix("torch."), attention=view.attention,
        special_share=float(np.abs(scores[np.array(special)]).sum()) / mass if mass > 0 else None,
        reliability=_reliability(first, difference), passes=passes,
    )


def _at(positions: Sequence[int], function: ScoreFunction, integral: Integral) -> np.ndarray:
    """Attributions of positions of the first view: 0 for special tokens, which do not move."""
    by_position = dict(zip(function.positions[0], integral.scores, strict=True))
    return np.array([by_position.get(position, 0.0) for position in positions], dtype=np.float64)


def _reliability(integral: Integral, difference: float) -> Reliability:
    if not integral.finite:
        return "non_finite"
    if difference >= SERVED_TOLERANCE * max(1.0, abs(integral.end)):
        return "not_served"
    return "valid" if integral.converged else "not_converged"


def _in_words(explained: ExplainedOption) -> str:
    """The explained scalar; it names options by number, so that a page without evidence gives no text away."""
    if isinstance(explained.output.answer, Probabilities):
        scalar = "log-probability of class"
    else:
        rule = explained.output.rule
        stem = "pseudo-log-likelihood" if rule.startswith("pseudo") else "log-likelihood"
        unit = rule.partition("_per_")[2]
        kind = "text" if explained.request.kind == "compare" else "option"
        scalar = f"{stem}{f' per {unit}' if unit else ''} of {kind}"
    contrast = "" if explained.against is None else f" minus that of {explained.against + 1}"
    return f"{scalar} {explained.option + 1}{contrast}"
