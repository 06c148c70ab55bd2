"""StereoSet (Nadeem et al. 2021): preferences of gpt2 and bert from the authors' prediction files.

Oracle: the dev-set figures that the authors' `evaluation.py` prints (ss averaged over target terms), recomputed here
from our per-pair scores; our own score pools pairs, so that its share is checked by a count made apart.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditkit.measure.measurement import Measurement, measure
from auditkit.schema import Output, Sample

from ..conftest import card, sample, scored

FILES = {"gpt2": "gpt2_ModelNSP_GPT2LM", "bert-base-cased": "bert-base-cased_BertNextSentence_BertLM"}


@cache
def gold(mirror: Path) -> list[dict[str, Any]]:
    with gzip.open(mirror / "official_results" / "stereoset" / "dev_gold_key.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@cache
def predictions(mirror: Path, model: str) -> dict[str, float]:
    path = mirror / "official_results" / "stereoset" / f"predictions_{FILES[model]}.json.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        data = json.load(file)
    return {item["id"]: float(item["score"]) for split in data.values() for item in split}


@cache
def measured(mirror: Path, model: str) -> tuple[dict[str, Sample], Measurement]:
    score = predictions(mirror, model)
    samples, outputs = {}, {}
    for item in gold(mirror):
        one = sample(item["id"], ("stereotype", "anti"), arm=item["split"], clusters={"term": item["target"]})
        samples[one.id] = one
        texts = item["sentences"]
        # Scores of theirs may be probabilities: shifted below 0, which leaves their order.
        outputs[one.id] = _output(score[texts["stereotype"]], score[texts["anti-stereotype"]])
    uses = [{"metric": "stereotype_score", "arm": arm} for arm in ("all", "intrasentence", "intersentence")]
    pack = card(request="compare", clusters=["term"], metrics=uses)
    return samples, measure(pack, list(samples.values()), outputs)


def _output(stereotype: float, anti: float) -> Output:
    return scored(stereotype, anti)


@pytest.mark.parametrize(
    ("model", "arm", "printed"),
    [
        ("gpt2", "all", 57.031), ("gpt2", "intrasentence", 61.931), ("gpt2", "intersentence", 52.279),
        ("bert-base-cased", "all", 59.556), ("bert-base-cased", "intrasentence", 58.680),
        ("bert-base-cased", "intersentence", 60.430),
    ],
)
def test_the_printed_ss_follows_from_our_pair_scores(mirror: Path, model: str, arm: str, printed: float) -> None:
    samples, found = measured(mirror, model)
    terms: dict[str, list[float]] = defaultdict(list)
    for score in found.scores:
        one = samples[score.sample_id]
        if arm in ("all", one.arm):
            # The authors' S > A counts a tie as anti.
            terms[one.clusters["term"]].append(0.0 if score.value is None else score.value)
    assert 100 * np.mean([np.mean(values) for values in terms.values()]) == pytest.approx(printed, abs=5e-4)


@pytest.mark.parametrize("model", list(FILES))
def test_our_score_is_the_share_of_pairs_without_ties(mirror: Path, model: str) -> None:
    score = predictions(mirror, model)
    pairs = [(score[i["sentences"]["stereotype"]], score[i["sentences"]["anti-stereotype"]]) for i in gold(mirror)]
    above, ties = sum(s > a for s, a in pairs), sum(s == a for s, a in pairs)
    pooled = measured(mirror, model)[1].estimates[0]
    assert pooled.value == pytest.approx(above / (len(pairs) - ties))
    assert pooled.unscored.get("tied", 0) == ties
    assert pooled.n == len(pairs) - ties


def test_pooling_pairs_is_not_averaging_terms(mirror: Path) -> None:
    """Trap 26: the two differ, so that the name of the metric says which it is."""
    pooled = measured(mirror, "gpt2")[1].estimates[0]
    assert pooled.value is not None
    assert abs(100 * pooled.value - 57.031) > 0.01
    assert pooled.clusters == 79
