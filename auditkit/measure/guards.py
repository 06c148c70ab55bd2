"""Which estimate guards another one, and by what bound, read from the rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from auditkit.measure.definition import GuardRule
from auditkit.measure.evidence_blind import BlindAnswerers
from auditkit.measure.groups import AXIS, group_of
from auditkit.measure.units import Unit
from auditkit.schema import EstimateId, Guard, Sample

_Rows = tuple[tuple[tuple[str, str], ...], str | None, str | None]
"""Slice, axis and group."""


@dataclass(frozen=True)
class _Part:
    """Part of an arm: the rows of a slice and, perhaps, of one group."""

    slice: Mapping[str, str]
    axis: str | None = None
    group: str | None = None

    def holds(self, sample: Sample) -> bool:
        """Whether a row belongs to it; without a group, to any group of the axis."""
        unit = Unit(sample.id, (sample,))
        if any(unit.fact(key) != value for key, value in self.slice.items()):
            return False
        name = None if self.axis is None else group_of(sample, self.axis)
        return self.axis is None or (name is not None if self.group is None else name == self.group)


class GuardFinder:
    """The guards of one benchmark's estimates."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        """Take the rows.

        Args:
            samples: the clean samples of the benchmark.
        """
        self._samples = samples
        self._answerers = BlindAnswerers()
        self._best: dict[tuple[str, _Rows], tuple[str, float] | None] = {}

    def guard(self, rule: GuardRule | None, estimate: EstimateId) -> Guard | None:
        """The guard of an estimate: on its own slice and group where that can be shown, else on a wider part.

        A part shows nothing where it has no row with a right choice, or where a blind answerer cannot be beaten
        because its rows have one right answer (the negative texts alone).

        Args:
            rule: what the estimate's metric asks for; none, no guard.
            estimate: the estimate.
        """
        if rule is None:
            return None
        arm = rule.arm or estimate.arm
        for part in _from_narrow_to_wide(rule, estimate):
            # a row's group may be that of the right person: who answers blindly does not know it, so that the bound is
            # read from all groups of the axis
            best = self._blind(arm, replace(part, group=None)) if self._blind(arm, part) is not None else None
            if best is not None and best[1] < 1:
                return Guard(
                    metric=rule.metric, arm=arm, slice=dict(part.slice), axis=part.axis, group=part.group,
                    bound=best[1], blind=best[0],
                )
        # nothing on these rows tells a model that reads the evidence from one that does not
        return Guard(metric=rule.metric, arm=arm, bound=1.0, blind="none")

    def _blind(self, arm: str, part: _Part) -> tuple[str, float] | None:
        key = arm, (tuple(sorted(part.slice.items())), part.axis, part.group)
        if key not in self._best:
            rows = (row for row in self._samples if arm in ("all", row.arm) and part.holds(row))
            self._best[key] = self._answerers.best(rows)
        return self._best[key]


def _from_narrow_to_wide(rule: GuardRule, estimate: EstimateId) -> Iterator[_Part]:
    """The estimate's own part of the arm, then ever wider ones, up to the whole arm."""
    if estimate.group is not None and estimate.axis is not None:
        if rule.group_key is not None:
            yield _Part({AXIS: estimate.axis, rule.group_key: estimate.group})
        yield _Part(estimate.slice, estimate.axis, estimate.group)
    keys = list(estimate.slice)
    for length in range(len(keys), -1, -1):
        yield _Part({key: estimate.slice[key] for key in keys[:length]})
