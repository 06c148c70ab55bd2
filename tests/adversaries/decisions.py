"""How often the default policy decides, and how: simulated answers on the built-in packs' own rows.

    python -m tests.adversaries.decisions --write docs/reference/decisions.md

A world draws the answers of a model whose bias is known, row by row, with a correlation inside templates; the
estimates, the checks and Holm's correction are auditkit's own. Competent and without bias is: half of the pairs, by
template or row; questions right but for 20 % of noise that favours nobody; one claim in twenty wrong; one sentiment in
ten wrong, by template, and one set of twins in fifty flipped.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from auditkit.judge.findings import judge
from auditkit.judge.threshold import Basis
from auditkit.judge.verdict import decide
from auditkit.measure.guards import GuardFinder
from auditkit.measure.units import Unit, units_of
from auditkit.pipeline.steps.packs import AuditedPack, load_packs
from auditkit.pipeline.steps.policy import open_policy
from auditkit.registry import get
from auditkit.schema import PLAUSIBILITY, Config, Estimate, EstimateId, Finding, Policy, SelfTestReading, Verdict
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.estimates import estimate

Floats = npt.NDArray[np.float64]
NAMES = ("stereotype-pairs", "ambiguous-qa", "claims", "sentiment-swaps")
CORRELATIONS = (0.1, 0.3)


@dataclass(frozen=True)
class Bias:
    """A harm of known size in one part of one pack; none of any size is the competent model."""

    pack: str = ""
    key: str = ""
    """Metadata key, or `group`."""
    value: str = ""
    size: float = 0.0
    """Distance of the share of stereotypes from one half, s_AMB, share endorsed, or share of sets of twins flipped."""

    def where(self, units: Sequence[Unit]) -> npt.NDArray[np.bool_]:
        """The rows that it is in."""
        if self.key == "group":
            return np.array([self.value in unit.members[0].groups.values() for unit in units], dtype=np.bool_)
        return np.array([unit.fact(self.key) == self.value for unit in units], dtype=np.bool_)


class Scores:
    """The units of one metric on one arm, and the parts of them that the policy reads."""

    def __init__(self, pack: AuditedPack, metric: str, arm: str) -> None:
        rows = [row for row in (*pack.samples, *pack.guards) if arm in ("all", row.arm)]
        self.pack, self.metric, self.arm = pack.card.name, get("metric", metric), arm
        self.units = units_of(self.metric.unit, rows)
        clusters = np.array([unit.cluster(pack.card.clusters[0]) for unit in self.units], dtype=np.str_)
        self.clusters = np.unique(clusters, return_inverse=True)[1]
        self.masks: dict[EstimateId, npt.NDArray[np.bool_]] = {}

    def add(self, name: EstimateId) -> None:
        """Read this part in every world."""
        self.masks[name] = np.array([
            all(unit.fact(key) == value for key, value in name.slice.items())
            and (name.axis is None or unit.group(name.axis) == name.group)
            for unit in self.units
        ], dtype=np.bool_)

    def draws(self, rng: np.random.Generator, correlation: float) -> Floats:
        """A uniform number a unit: its template's own with the square root of the correlation as chance."""
        own, shared = rng.random(len(self.units)), rng.random(self.clusters.max() + 1)[self.clusters]
        return np.where(rng.random(len(self.units)) < np.sqrt(correlation), shared, own)


class Simulation:
    """The default policy on the four packs."""

    def __init__(self) -> None:
        opened = load_packs(Config(model="planted:random", packs=NAMES), lambda event: None)
        self.packs = {pack.card.name: pack for pack in opened}
        self.declared = tuple(metric for pack in opened for metric in pack.declared)
        self.policy: Policy = open_policy("default", NAMES, self.declared)
        self.scores: dict[tuple[str, str, str], Scores] = {}
        self.guards = {pack.card.name: GuardFinder((*pack.samples, *pack.guards)) for pack in opened}
        self.readings: list[SelfTestReading] = []
        self.last: dict[EstimateId, Estimate] = {}
        """Estimates of the last world."""
        basis = Basis({}, declared=self.declared)
        for check in self.policy.checks:
            for name in basis.slices(check) or (check.estimate,):
                self._read(name)

    def _read(self, name: EstimateId) -> None:
        key = name.benchmark, name.metric, name.arm
        if key not in self.scores:
            self.scores[key] = Scores(self.packs[name.benchmark], name.metric, name.arm)
            self.readings.append(SelfTestReading(
                planted="random", estimate=name.clean, expect="around", expected=0.0, value=0.0, low=0.0, high=0.0,
                n=1, ok=True,
            ))
        if name not in self.scores[key].masks:
            self.scores[key].add(name)
            guard = self.guards[name.benchmark].guard(self.scores[key].metric.guard, name)
            if guard is not None:
                self._read(guard.estimate(name.benchmark))

    def world(
        self, seed: int, correlation: float, bias: Bias, others: Mapping[EstimateId, Estimate] | None = None
    ) -> tuple[tuple[Finding, ...], Verdict]:
        """One draw of all answers, judged.

        Args:
            seed: of the draw.
            correlation: of rows of one template.
            bias: what is wrong with the model.
            others: estimates of a passing world, kept for all packs but the biased one; `None` draws all.
        """
        estimates = dict(others or {})
        for number, scores in enumerate(self.scores.values()):
            if others is not None and scores.pack != bias.pack:
                continue
            # the metrics of one arm read the same answers: one stream a pack and arm
            stream = [seed, list(self.packs).index(scores.pack), sum(map(ord, scores.arm))]
            values = _values(scores, np.random.default_rng(stream), correlation, bias)
            for name, mask in scores.masks.items():
                reasons = np.where(np.isnan(values[mask]), "outside", "")
                column = ScoreColumn(values[mask], reasons, (scores.clusters[mask].astype(np.str_),))
                metric = scores.metric
                estimates[name] = estimate(
                    column, id=name, range=metric.range, direction=metric.direction, ideal=metric.ideal, seed=number,
                    guard=self.guards[scores.pack].guard(metric.guard, name),
                )
        self.last = estimates
        basis = Basis(estimates, selftest=tuple(self.readings), declared=self.declared, built_in=True)
        findings = judge(self.policy, basis, dt.date(2026, 1, 1))
        return findings, decide(findings, self.policy)

    def passing(self, correlation: float) -> dict[EstimateId, Estimate]:
        """Estimates of a world in which the competent model passes."""
        for seed in range(10_000, 10_050):
            if self.world(seed, correlation, Bias())[1].exit_code == 0:
                return self.last
        raise AssertionError(f"the competent model never passes at a correlation of {correlation}")


def _values(scores: Scores, rng: np.random.Generator, correlation: float, bias: Bias) -> Floats:
    """A score for each unit; NaN outside the denominator."""
    draws = scores.draws(rng, correlation)
    harm = np.where(bias.where(scores.units), bias.size, 0.0) if bias.pack == scores.pack else np.zeros(len(draws))
    targets = np.array([str(unit.members[0].target) for unit in scores.units])
    match scores.metric.name, scores.arm:
        case "unscored_share", _:
            return np.zeros(len(draws))
        case "stereotype_score", _:
            return (draws < 0.5 + harm).astype(np.float64)
        case "accuracy", arm if arm == PLAUSIBILITY:
            return (draws < 0.97).astype(np.float64)
        case ("ambiguous_bias_score" | "expected_ambiguous_bias_score") as name, _:
            stereotyped = np.maximum(0.1 + harm / 2, harm)
            anti = stereotyped - harm
            answer = np.where(draws < stereotyped, 1.0, np.where(draws < stereotyped + anti, -1.0, 0.0))
            return answer * (0.85 if name.startswith("expected") else 1.0)
        case "accuracy", "disambiguated":
            return (draws >= 0.2).astype(np.float64)
        case "disambiguated_bias_score", _:
            right = np.where(targets == "stereotype", 1.0, -1.0)
            return np.where(draws >= 0.2, right, np.where(draws < 0.1, -right, np.nan))
        case ("false_claim_endorsement" | "true_claim_refutation") as name, _:
            asked = "false" if name == "false_claim_endorsement" else "true"
            wrong = np.maximum(0.05, harm if asked == "false" else 0.0)
            return np.where(targets == asked, (draws < wrong).astype(np.float64), np.nan)
        case "accuracy", "all":
            return (draws >= 0.05).astype(np.float64)
        case "accuracy", _:
            return (draws >= 0.1).astype(np.float64)
        case ("counterfactual_flip_rate" | "counterfactual_token_fairness_gap") as name, _:
            flipped = (draws < np.maximum(0.02, harm)).astype(np.float64)
            # one twin of four flips: three of six pairs differ by .8 in probability
            return flipped * (0.4 if name == "counterfactual_token_fairness_gap" else 1.0)
    raise AssertionError(f"no simulated answers for {scores.metric.name} on {scores.arm}")


PAIRS_AXIS, PAIRS_GROUP = Bias("stereotype-pairs", "axis", "religion"), Bias("stereotype-pairs", "group", "muslim")
QA_AXIS, QA_GROUP = Bias("ambiguous-qa", "axis", "religion"), Bias("ambiguous-qa", "group", "muslim")
TOPIC, FLIPS = Bias("claims", "topic", "health"), Bias("sentiment-swaps", "axis", "religion")
SIZES: Mapping[str, tuple[Bias, str, str, tuple[float, ...]]] = {
    "pairs, one axis (bound .20)": (PAIRS_AXIS, "stereotype_score@pair", "[axis=religion]", (0.1, 0.2, 0.35, 0.5)),
    "pairs, one group (bound .30)": (PAIRS_GROUP, "stereotype_score@pair", "[religion:muslim]", (0.15, 0.3, 0.4, 0.5)),
    "questions, one axis (bound .20)": (
        QA_AXIS, "ambiguous_bias_score@ambiguous", "[axis=religion]", (0.1, 0.2, 0.4, 1.0)),
    "questions, one group (bound .30)": (
        QA_GROUP, "ambiguous_bias_score@ambiguous", "[religion:muslim]", (0.15, 0.3, 0.6, 1.0)),
    "claims, one topic endorsed (bound .25)": (
        TOPIC, "false_claim_endorsement@false-claim", "[topic=health]", (0.1, 0.25, 0.5, 1.0)),
    "sentiment, one axis flipped (bound .15)": (
        FLIPS, "counterfactual_flip_rate@swap", "[axis=religion]", (0.05, 0.15, 0.3, 1.0)),
}
"""What is biased, the estimate that a check reads it on, and true sizes."""


def slice_status(findings: Sequence[Finding], metric: str, part: str) -> str:
    """The status of the slice of a check that reads this estimate."""
    for finding in findings:
        for member in finding.slices:
            if str(member.estimate).endswith(f"/{metric}{part}"):
                return member.status
    raise AssertionError(f"no check reads {metric}{part}")


def table(simulation: Simulation, worlds: int) -> Iterator[str]:
    """The page's tables, line by line."""
    yield "| model | template correlation | policy passes | fails | undecided |"
    yield "| --- | --- | --- | --- | --- |"
    for correlation in CORRELATIONS:
        counts = Counter(
            simulation.world(seed, correlation, Bias())[1].exit_code for seed in range(worlds)
        )
        yield (
            f"| competent, without bias | {correlation} | {counts[0] / worlds:.3f} | {counts[1] / worlds:.3f} | "
            f"{counts[3] / worlds:.3f} |"
        )
    yield ""
    yield "| bias | true size | correlation | its slice passes | fails | undecided | policy passes |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    others = {correlation: simulation.passing(correlation) for correlation in CORRELATIONS}
    for title, (bias, metric, part, sizes) in SIZES.items():
        for size in sizes:
            for correlation in CORRELATIONS:
                harm = replace(bias, size=size)
                yield _row(simulation, worlds // 2, title, harm, metric, part, correlation, others[correlation])


def _row(
    simulation: Simulation, worlds: int, title: str, bias: Bias, metric: str, part: str, correlation: float,
    others: Mapping[EstimateId, Estimate],
) -> str:
    statuses: Counter[str] = Counter()
    passed = 0
    for seed in range(worlds):
        findings, verdict = simulation.world(seed, correlation, bias, others)
        statuses[slice_status(findings, metric, part)] += 1
        passed += verdict.exit_code == 0
    shares = [statuses["pass"], statuses["fail"], statuses["inconclusive"], passed]
    cells = [title, str(bias.size), str(correlation), *(f"{share / worlds:.3f}" for share in shares)]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Simulate, and print or write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    text = "\n".join(table(Simulation(), arguments.worlds))
    if arguments.write is None:
        print(text)
        return
    head, mark, _ = arguments.write.read_text(encoding="utf-8").partition("<!-- simulated -->\n")
    arguments.write.write_text(f"{head}{mark}{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
