"""Samples and outputs to measure, and the built-in metrics where auditkit is not installed with entry points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from auditkit import registry
from auditkit.schema import Benchmark, Choice, FreeText, OptionScore, OptionScores, Output, Sample, Source

METRICS = {
    "accuracy": "accuracy",
    "matched_pair_accuracy": "accuracy",
    "ambiguous_bias_score": "bbq",
    "disambiguated_bias_score": "bbq",
    "false_claim_endorsement": "claims",
    "true_claim_refutation": "claims",
    "refusal_rate": "refusals",
    "stereotype_score": "stereotype",
    **dict.fromkeys(("macro_f1", "micro_f1", "weighted_f1", "matthews_correlation", "auroc"), "classification"),
    **dict.fromkeys(
        ("expected_calibration_error", "adaptive_calibration_error", "brier_score", "aurc"), "calibration"
    ),
    **dict.fromkeys(("multilabel_macro_f1", "multilabel_micro_f1", "subset_accuracy"), "multilabel"),
    **dict.fromkeys(("pearson_correlation", "spearman_correlation"), "regression"),
    **dict.fromkeys(("entity_f1", "entity_f1_lenient", "token_accuracy"), "entities"),
    **dict.fromkeys(("exact_match", "token_f1", "numeric_match"), "qa"),
    **dict.fromkeys(("bleu", "chrf"), "translation"),
    **dict.fromkeys(("rouge1", "rouge2", "rouge_lsum"), "summarisation"),
}
STATISTICS = {
    **dict.fromkeys(("macro_f1", "weighted_f1", "matthews_correlation", "auroc"), "labels"),
    **dict.fromkeys(("expected_calibration_error", "adaptive_calibration_error", "aurc"), "calibration"),
    **dict.fromkeys(
        ("pooled_f1", "pooled_share", "multilabel_macro_f1", "multilabel_micro_f1", "bleu", "chrf"), "counts"
    ),
    **dict.fromkeys(("pearson_correlation", "spearman_correlation"), "correlation"),
}
LABELS = ("stereotype", "anti", "unknown")


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Register the built-in metrics as pyproject.toml does, in a checkout that is not installed."""
    if set(METRICS) <= set(registry.names("metric")) and set(STATISTICS) <= set(registry.names("statistic")):
        yield
        return
    wanted = [("metric", name, f"auditkit.measure.metrics.{module}") for name, module in METRICS.items()]
    wanted += [("statistic", name, f"auditkit.stats.{module}") for name, module in STATISTICS.items()]
    entries = {
        (kind, name): (EntryPoint(f"{kind}.{name}", f"{module}:{name}", "auditkit"),) for kind, name, module in wanted
    }
    monkeypatch.setattr(registry, "_entries", lambda: entries)
    registry.get.cache_clear()
    yield
    registry.get.cache_clear()


def sample(
    name: str = "1", labels: Sequence[str] = LABELS, texts: Sequence[str] | None = None, **fields: Any
) -> Sample:
    """A sample whose choices bear the labels."""
    texts = texts or [f"the {label} one" for label in labels]
    made: dict[str, Any] = {
        "id": f"p/{name}", "benchmark": "p", "origin": name, "clusters": {"template": f"t-{name}"},
        "choices": tuple(Choice(text=t, label=la) for t, la in zip(texts, labels, strict=True)),
        "source": Source(file="rows.jsonl", line=1),
    }
    return Sample.model_validate(made | fields)


def scored(*sums: float, rule: str = "loglikelihood", tokens: int = 2, sizes: Sequence[int] | None = None) -> Output:
    """An output with option scores."""
    sizes = sizes or [8] * len(sums)
    options = tuple(OptionScore(sum=s, tokens=tokens, bytes=b) for s, b in zip(sums, sizes, strict=True))
    return Output(request="0", rule=rule, answer=OptionScores(options=options))


def says(text: str, rule: str = "letter", **fields: Any) -> Output:
    """An output of text."""
    return Output(request="0", rule=rule, answer=FreeText(text=text), **fields)


def answering(
    labels: Mapping[str, str | None], samples: Sequence[Sample], rule: str = "loglikelihood"
) -> dict[str, Output]:
    """Outputs whose best option has the label wanted for each sample; `None` is an answer that cannot be parsed."""
    made = {}
    for one in samples:
        wanted = labels[one.id]
        sums = [-1.0 if label == wanted else -9.0 for label in one.labels]
        made[one.id] = says("lorem ipsum", rule) if wanted is None else scored(*sums, rule=rule)
    return made


def card(**fields: Any) -> Benchmark:
    """A card that measures accuracy."""
    made: dict[str, Any] = {
        "name": "p", "version": 1, "title": "P", "measures": "m", "limits": "l", "license": "Apache-2.0", "source": "s",
        "citation": "c", "language": "en", "request": "choose", "rules": ["loglikelihood"], "files": ["rows.jsonl"],
        "clusters": ["template"], "metrics": [{"metric": "accuracy", "arm": "all"}], "rows": 1, "sha256": "0" * 64,
    }
    return Benchmark.model_validate(made | fields)
