"""Samples and outputs to measure, made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from auditkit.schema import Benchmark, Choice, FreeText, OptionScore, OptionScores, Output, Sample, Source
from auditkit.stats.columns import ScoreColumn

LABELS = ("stereotype", "anti", "unknown")


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


def column(parts: Mapping[str, Any], reasons: Sequence[str] | None = None) -> ScoreColumn:
    """Rows that have parts and no values, each its own cluster."""
    n = len(next(iter(parts.values())))
    why = np.full(n, "", dtype=object) if reasons is None else np.array(reasons, dtype=object)
    clusters = (np.arange(n).astype(str),)
    return ScoreColumn(np.full(n, np.nan), why, clusters, {name: np.asarray(part) for name, part in parts.items()})
