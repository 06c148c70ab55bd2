"""Which device and number format a model should run in on this machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from auditkit.errors import AuditkitError, MeasurementError, ModelError
from auditkit.load.packs import open_pack
from auditkit.load.requests import build, choose_rule
from auditkit.load.samples import read_samples
from auditkit.load.sampling import limit
from auditkit.models.adapter import Adapter
from auditkit.models.families import family_of_scheme
from auditkit.models.open import open_model
from auditkit.models.speed.bench import (
    Setting,
    TimedAnswers,
    answer,
    compare_compiled,
    difference,
    matrix_rate,
    settings,
)
from auditkit.schema import Config, Request
from auditkit.schema.event import Event, OnEvent, ignore

SAMPLES = 48
"""Samples of a built-in pack that are answered in each setting."""

TOLERANCE = 0.05
"""Most nats a token by which an option's log-likelihood may differ from float32 on the CPU."""

HOPELESS = 0.5
"""A number format whose matrix products run at less than this share of float32's rate is not tried further."""


def bench(model: str, *, compiled: bool = False, on_event: OnEvent = ignore, **options: Any) -> dict[str, Any]:
    """Measure a local model in every setting there is, and recommend one.

    Args:
        model: as for an audit.
        compiled: also measure what `torch.compile` would bring in each setting, which takes a minute or more each.
        on_event: called with each `Event` of progress, in stage `bench`.
        options: further keys of `Config`.

    Returns:
        `model`, `tolerance`, `settings` (a list, the reference first) and `recommended`.

    Raises:
        ModelError: the model has no log-likelihoods of its own (an API, saved predictions, a classifier).
    """
    rates: dict[Setting, float] = {}
    rows: list[dict[str, Any]] = []
    requests: list[Request] = []
    reference: TimedAnswers | None = None
    for setting in settings():
        on_event(Event("bench", f"{setting.device}, {setting.dtype}"))
        rates[setting] = matrix_rate(setting)
        row: dict[str, Any] = {
            "device": setting.device, "dtype": setting.dtype, "gemm_gflops": round(rates[setting] / 1e9, 1)
        }
        rows.append(row)
        share = rates[setting] / rates[Setting(setting.device, "float32")]
        if share < HOPELESS:
            row["skipped"] = f"its matrix products run at {share:.2f} of the rate of float32"
            continue
        try:
            adapter = open_model(
                Config(model=model, device=setting.device, dtype=setting.dtype, **options), on_event=on_event
            )
            requests = requests or bench_requests(adapter, model)
            answers = answer(adapter, requests)
        except (AuditkitError, RuntimeError, NotImplementedError) as error:
            if reference is None:
                raise
            row["skipped"] = " ".join(str(error).split())[:200]
            continue
        reference = reference or answers
        row |= _comparison(reference, answers)
        if compiled:
            on_event(Event("bench", f"{setting.device}, {setting.dtype}, compiled"))
            row["compiled"] = _compile_times(adapter, requests, answers)
    return {"model": model, "tolerance": TOLERANCE, "settings": rows, "recommended": recommendation(rows)}


def bench_requests(adapter: Adapter, model: str) -> list[Request]:
    """Requests of the first built-in pack that the model answers by likelihood.

    Raises:
        ModelError: there is none.
    """
    for name in ("ambiguous-qa", "stereotype-pairs"):
        pack = open_pack(name)
        rule = choose_rule(pack.card, adapter.rules.get(pack.card.request, ()))
        if rule is not None and "likelihood" in rule and family_of_scheme(model) is None:
            samples = limit(read_samples(pack), SAMPLES, 0)[:SAMPLES]
            return list({request.sha256: request for request in build(pack.card, rule, samples)}.values())
    raise ModelError(f"{model}: it has no log-likelihoods of its own; bench a causal, masked or encoder-decoder model")


def recommendation(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The fastest setting within the tolerance, and why; float32 on the CPU, the reference, always is one."""
    allowed = [row for row in rows if row.get("within_tolerance")]
    best = min(allowed, key=lambda row: row["seconds"])
    first = allowed[0]
    if best is first:
        reason = "no other setting is faster within the tolerance"
    else:
        reason = f"{first['seconds'] / best['seconds']:.1f} times as fast as {first['dtype']} on {first['device']}"
    return {"device": best["device"], "dtype": best["dtype"], "reason": reason}


def _comparison(reference: TimedAnswers, answers: TimedAnswers) -> dict[str, Any]:
    gap = difference(reference.outputs, answers.outputs)
    return {
        "seconds": round(answers.seconds, 4), "tokens_per_second": round(answers.tokens / answers.seconds, 1),
        "largest_difference": gap.largest if math.isfinite(gap.largest) else None,
        "median_difference": gap.median if math.isfinite(gap.median) else None,
        "same_choice": round(gap.same, 4), "within_tolerance": gap.largest <= TOLERANCE,
    }


def _compile_times(adapter: Adapter, requests: Sequence[Request], answers: TimedAnswers) -> dict[str, Any]:
    try:
        times = compare_compiled(adapter, requests)
    except (MeasurementError, RuntimeError) as error:  # such as too little memory: what was measured is kept
        return {"skipped": " ".join(str(error).split())[:200]}
    return {
        "plain_seconds": round(times.plain, 5), "compiled_seconds": round(times.compiled, 5),
        "compile_seconds": round(times.compiling, 1),
        "pays_after_requests": times.pays_after(answers.seconds / len(requests)),
    }
