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
from auditkit.explain.integral import Integral, integrate
from auditkit.explain.items import Item, items_for, served_score
from auditkit.explain.target import Passes, Target, frozen
from auditkit.explain.words import join_words, rank_agreement
from auditkit.models.adapter import Adapter, ExplainableAdapter
from auditkit.schema import Attribution, Explain, Option, Probabilities, Request
from auditkit.schema.event import Event, OnEvent, ignore

__all__ = ["Item", "NotExplained", "explain", "items_for"]

METHOD = "layer_integrated_gradients"
SERVED_TOLERANCE = 1e-4
"""Largest |explained - served score|, relative to the score where that exceeds 1."""

Reliability = Literal["valid", "not_converged", "not_served", "non_finite"]


@dataclass(frozen=True, slots=True)
class NotExplained:
    """A cited sample without attribution."""

    sample_id: str
    reason: str


def explain(
    adapter: Adapter,
    items: Sequence[Item],
    settings: Explain,
    *,
    done: Iterable[Attribution] = (),
    on_event: OnEvent = ignore,
) -> Iterator[Attribution | NotExplained]:
    """Explain items in their order, within the budget of passes.

    Args:
        adapter: the model; one without `view` has no gradients, and nothing is explained.
        items: from `items_for`.
        settings: tolerance, most steps, budget.
        done: attributions that an interrupted run has already: they are not made or given again, and their passes
            count, so that the budget ends where it would have ended.
        on_event: told before each item.

    Yields:
        An attribution, reliable or not; or why there is none. What goes wrong with one item leaves the others alone.
    """
    passes = Passes(settings.budget)
    known = {(found.sample_id, found.request, found.option, found.against): found for found in done}
    for index, item in enumerate(items):
        on_event(Event("explain", item.sample_id, done=index, total=len(items)))
        found = known.get((item.sample_id, item.request.sha256, item.option, item.against))
        if found is not None:
            passes.spent += found.passes
            continue
        yield _attempt(adapter, item, settings, passes)
    if items:
        on_event(Event("explain", f"{passes.spent} forward and backward passes", done=len(items), total=len(items)))


def _attempt(adapter: Adapter, item: Item, settings: Explain, passes: Passes) -> Attribution | NotExplained:
    if not isinstance(adapter, ExplainableAdapter):
        name = f"{adapter.subject.kind} model {adapter.subject.name}"
        return NotExplained(item.sample_id, f"the {name} offers no view of its embeddings, so it has no gradients")
    try:
        return _explain(adapter, item, settings, passes)
    except MeasurementError as error:
        return NotExplained(item.sample_id, str(error))
    except Exception as error:  # noqa: BLE001 - a library's failure on one sample must not cost the others
        lines = str(error).splitlines() or [""]
        return NotExplained(item.sample_id, f"{type(error).__name__} while it was explained: {lines[0]}".rstrip(": "))


def _explain(adapter: ExplainableAdapter, item: Item, settings: Explain, passes: Passes) -> Attribution:
    if passes.used_up:
        passes.spend(1)
    served = served_score(item)
    import torch

    before = passes.spent
    options = [item.option] if item.against is None else [item.option, item.against]
    with torch.inference_mode(mode=False):
        views = [adapter.view(_request(item), option) for option in options]
        with frozen(views[0].module):
            target = Target(views, passes)
            score = _same_twice(target)
            baselines = list(views[0].baselines.items())[:2]
            if not baselines:
                raise MeasurementError("the tokenizer has no neutral token that could be a baseline")
            runs = [
                (name, integrate(target, target.baseline(token), score, settings)) for name, token in baselines
            ]
    return _record(item, target, runs, served, passes.spent - before)


def _request(item: Item) -> Request:
    """The request as the view reads it: options that stand for classes bear the classes' names."""
    if not item.names:
        return item.request
    return item.request.model_copy(update={"options": tuple(Option(text=name) for name in item.names)})


def _same_twice(target: Target) -> float:
    """F at the input, after two equal forwards."""
    first, second = target.value(target.free), target.value(target.free)
    if not math.isfinite(first):
        raise MeasurementError("the explained score is not finite; use dtype: float32")
    if abs(first - second) > 1e-6 * max(1.0, abs(first)):
        raise MeasurementError(f"two equal forwards differ ({first:.6g}, {second:.6g}); its gradients explain neither")
    return first


def _record(
    item: Item, target: Target, runs: Sequence[tuple[str, Integral]], served: float, passes: int
) -> Attribution:
    (name, first), others = runs[0], runs[1:]
    if not math.isfinite(first.start):
        raise MeasurementError(f"the score at the baseline `{name}` is not finite")
    view, at = target.view, target.shown if first.finite else []
    tokens, special = [view.tokens[i] for i in at], [bool(view.special[i]) for i in at]
    words = join_words(view.text, [view.offsets[i] for i in at], tokens, special)
    # where a gradient is not finite nothing is attributed: the error is then all that there was to explain
    scores = _spread(target, at, first)
    error = abs(float(scores.sum()) - (first.end - first.start))
    mass = float(np.abs(scores).sum())
    difference = abs(first.end - served)
    agreement = None
    if others and all(integral.converged for _, integral in runs):
        agreement = rank_agreement(words.scores(scores), words.scores(_spread(target, at, others[0][1])))
    return Attribution(
        sample_id=item.sample_id, request=item.request.sha256, option=item.option, against=item.against,
        method=METHOD, target=_in_words(item), tokens=tuple(tokens), token_scores=tuple(scores.tolist()),
        special=tuple(special), words=words.texts, word_scores=tuple(words.scores(scores).tolist()),
        baseline=name, second_baseline=others[0][0] if others else None,
        agreement=agreement,
        score=first.end, baseline_score=first.start, served_difference=difference,
        convergence_delta=error, relative_delta=error / mass if mass > 0 else None, steps=first.steps,
        dtype=str(view.embeddings.dtype).removeprefix("torch."), attention=view.attention,
        special_share=float(np.abs(scores[np.array(special)]).sum()) / mass if mass > 0 else None,
        reliability=_reliability(first, difference), passes=passes,
    )


def _spread(target: Target, at: Sequence[int], integral: Integral) -> np.ndarray:
    """Attributions of the positions `at`: 0 for special tokens, which do not move."""
    found = dict(zip(target.positions[0], integral.scores, strict=True))
    return np.array([found.get(position, 0.0) for position in at], dtype=np.float64)


def _reliability(integral: Integral, difference: float) -> Reliability:
    if not integral.finite:
        return "non_finite"
    if difference >= SERVED_TOLERANCE * max(1.0, abs(integral.end)):
        return "not_served"
    return "valid" if integral.converged else "not_converged"


def _in_words(item: Item) -> str:
    """The explained scalar; it names options by number, so that a page without evidence gives no text away."""
    if isinstance(item.output.answer, Probabilities):
        what = "log-probability of class"
    else:
        stem = "pseudo-log-likelihood" if item.output.rule.startswith("pseudo") else "log-likelihood"
        unit = item.output.rule.partition("_per_")[2]
        what = f"{stem}{f' per {unit}' if unit else ''} of {'text' if item.request.kind == 'compare' else 'option'}"
    return f"{what} {item.option + 1}" + ("" if item.against is None else f" minus that of {item.against + 1}")
