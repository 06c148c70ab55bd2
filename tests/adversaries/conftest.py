"""The built-in packs at full size, their self-test, and the verdict of the default policy on any answerer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property

import pytest

from auditkit.load.requests import build
from auditkit.measure.measurement import measure
from auditkit.pipeline.steps.judgement import judge_estimates
from auditkit.pipeline.steps.packs import AuditedPack, load_packs
from auditkit.pipeline.steps.policy import open_policy
from auditkit.pipeline.steps.selftest import selftest
from auditkit.schema import Config, Estimate, Finding, Sample, SelfTestReading, Verdict

from .answerers import Behaviour, competent, outputs_of

NAMES = ("stereotype-pairs", "ambiguous-qa", "claims", "sentiment-swaps")


@dataclass
class Bench:
    """All four packs, answered competently but for what a test says."""

    packs: dict[str, AuditedPack]
    competent: dict[str, list[Estimate]] = field(default_factory=dict)

    @cached_property
    def policy(self):  # type: ignore[no-untyped-def]
        return open_policy("default", NAMES, self.declared)

    @cached_property
    def declared(self):  # type: ignore[no-untyped-def]
        return [metric for pack in self.packs.values() for metric in pack.declared]

    @cached_property
    def readings(self) -> list[SelfTestReading]:
        """Of the planted models, on these rows."""
        found = []
        for pack in self.packs.values():
            rows = self.rows(pack)
            requests = dict(zip((row.id for row in rows), build(pack.card, pack.card.rules[0], rows), strict=True))
            found += selftest(pack.card, rows, requests, seed=0)
        return found

    @staticmethod
    def rows(pack: AuditedPack) -> tuple[Sample, ...]:
        return (*pack.samples, *pack.guards)

    def estimates(self, name: str, behaviour: Behaviour) -> list[Estimate]:
        """Of one pack."""
        pack = self.packs[name]
        rows = self.rows(pack)
        return list(measure(pack.card, rows, outputs_of(rows, behaviour)).estimates)

    def judged(self, name: str, behaviour: Behaviour) -> tuple[tuple[Finding, ...], Verdict]:
        """The default policy on an answerer that is competent on the other packs."""
        for other in self.packs:
            if other not in self.competent:
                self.competent[other] = self.estimates(other, competent())
        estimates = [
            estimate for pack in self.packs
            for estimate in (self.estimates(name, behaviour) if pack == name else self.competent[pack])
        ]
        return judge_estimates(
            self.policy, estimates, self.readings, dt.date(2026, 1, 1),
            cards=[pack.card for pack in self.packs.values()], declared=self.declared, not_applicable={}, left_out={},
        )


@pytest.fixture(scope="session")
def bench() -> Bench:
    packs = load_packs(Config(model="planted:random", packs=NAMES), lambda event: None)
    return Bench({pack.card.name: pack for pack in packs})
