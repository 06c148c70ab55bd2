"""What scores are about: samples with their answers, as units of an arm, and what all metrics need to know of them.

Everything that is the same for all metrics (clusters, groups, facts, margins) is made once an arm, and names are
numbered, so that no metric, slice or group sorts or copies texts again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Literal, TypeVar

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.measure import answers
from auditkit.measure.class_answers import ClassAnswers
from auditkit.measure.groups import group_of
from auditkit.schema import UNKNOWN, Output, Sample
from auditkit.stats.columns import Codes, Floats, Mask

Outputs = Mapping[str, Output | None]
UnitKind = Literal["sample", "origin"]
L = TypeVar("L", str, tuple[str, ...])


@dataclass(frozen=True, eq=False, slots=True)
class Unit:
    """What one score is about: a sample, or the twins of an origin, sorted by id."""

    id: str
    members: tuple[Sample, ...]

    def fact(self, key: str) -> str:
        """A metadata value as text, `unknown` where it is absent or differs between the members."""
        if len(self.members) == 1:
            return _text(self.members[0].metadata.get(key))
        facts = {_text(member.metadata.get(key)) for member in self.members}
        return facts.pop() if len(facts) == 1 else UNKNOWN

    def group(self, axis: str) -> str | None:
        """The members' group on an axis, `unknown` where they differ, `None` where the axis is not theirs."""
        if len(self.members) == 1:
            return group_of(self.members[0], axis)
        groups = {group_of(member, axis) for member in self.members}
        return groups.pop() if len(groups) == 1 else UNKNOWN

    def cluster(self, factor: str) -> str:
        """The unit's cluster.

        Raises:
            MeasurementError: its twins lie in different clusters, or in none.
        """
        clusters = {member.clusters.get(factor) for member in self.members}
        cluster = clusters.pop() if len(clusters) == 1 else None
        if cluster is None:
            raise MeasurementError(f'{self.id}: the cluster "{factor}" is missing, or differs between twins')
        return cluster


@dataclass(frozen=True, eq=False)
class Labels(Generic[L]):
    """A label for each unit, as numbers."""

    names: tuple[L, ...]
    """The different labels, sorted."""
    codes: Codes
    """Shape (n,): index of each unit's label."""

    @staticmethod
    def of(labels: Sequence[L]) -> Labels[L]:
        """Number the labels in their order."""
        names = tuple(sorted(set(labels)))
        codes = {name: code for code, name in enumerate(names)}
        return Labels(names, np.fromiter((codes[label] for label in labels), dtype=np.intp, count=len(labels)))

    def named(self, name: L) -> Mask:
        """Which units bear a label, shape (n,)."""
        return np.asarray(self.codes == self.names.index(name))


class Units:
    """The units of an arm, sorted by id."""

    def __init__(self, units: Sequence[Unit], outputs: Outputs) -> None:
        """Take the units and the answers to their samples; see `AnsweredSamples.units`."""
        self.units = tuple(units)
        self._outputs = outputs
        self._facts: dict[tuple[str, ...], Labels[tuple[str, ...]]] = {}
        self._groups: dict[str, Labels[str]] = {}
        self._clusters: dict[str, Labels[str]] = {}

    def facts(self, keys: tuple[str, ...]) -> Labels[tuple[str, ...]]:
        """The units' metadata under some keys."""
        if keys not in self._facts:
            self._facts[keys] = Labels.of([tuple(unit.fact(key) for key in keys) for unit in self.units])
        return self._facts[keys]

    def groups(self, axis: str) -> Labels[str]:
        """The units' groups on an axis; empty where the axis is not theirs."""
        if axis not in self._groups:
            self._groups[axis] = Labels.of([unit.group(axis) or "" for unit in self.units])
        return self._groups[axis]

    def clusters(self, factor: str) -> Labels[str]:
        """The units' clusters.

        Raises:
            MeasurementError: twins in different clusters, or in none.
        """
        if factor not in self._clusters:
            self._clusters[factor] = Labels.of([unit.cluster(factor) for unit in self.units])
        return self._clusters[factor]

    @cached_property
    def margins(self) -> Floats:
        """How far each unit's answer, or the closest of its twins', is ahead of the next one; shape (n,)."""
        margins = (
            min(answers.read(member, self._outputs.get(member.id)).margin for member in unit.members)
            for unit in self.units
        )
        return np.fromiter(margins, dtype=np.float64, count=len(self.units))

    @cached_property
    def class_answers(self) -> ClassAnswers:
        """Right and answered class of each unit that is one sample, in order."""
        return ClassAnswers.of([unit.members[0] for unit in self.units], self._outputs)

    def members(self, unit_ids: Sequence[str]) -> tuple[str, ...]:
        """Ids of the samples that some units are made of."""
        return tuple(member.id for name in unit_ids for member in self._by_id[name].members)

    @cached_property
    def _by_id(self) -> Mapping[str, Unit]:
        return {unit.id: unit for unit in self.units}


class AnsweredSamples:
    """Samples of a benchmark and what was answered to them; each arm's units are made once for all metrics."""

    def __init__(self, samples: Sequence[Sample], outputs: Outputs) -> None:
        """Take the samples and their answers.

        Args:
            samples: the samples, in any order.
            outputs: sample id to output; absent or `None` is not run.
        """
        self.samples = tuple(sorted(samples, key=lambda sample: sample.id))
        self.outputs = outputs
        self._units: dict[tuple[str, UnitKind], Units] = {}

    def arm(self, arm: str) -> tuple[Sample, ...]:
        """The samples of an arm, or of `all`, sorted by id."""
        return self.samples if arm == "all" else tuple(sample for sample in self.samples if sample.arm == arm)

    def units(self, arm: str, kind: UnitKind) -> Units:
        """The units of an arm: its samples, or their origins."""
        if (arm, kind) not in self._units:
            self._units[arm, kind] = Units(units_of(kind, self.arm(arm)), self.outputs)
        return self._units[arm, kind]


def units_of(kind: UnitKind, samples: Sequence[Sample]) -> list[Unit]:
    """What a metric scores one by one, sorted by id: the samples, or the origins that they are twins of."""
    ordered = sorted(samples, key=lambda sample: sample.id)
    if kind == "sample":
        return [Unit(sample.id, (sample,)) for sample in ordered]
    origins: dict[str, list[Sample]] = {}
    for sample in ordered:
        origins.setdefault(sample.origin, []).append(sample)
    return [Unit(origin, tuple(members)) for origin, members in sorted(origins.items())]


def _text(value: str | int | float | bool | None) -> str:
    if value is None or value == "":
        return UNKNOWN
    return str(value).lower() if isinstance(value, bool) else str(value)
