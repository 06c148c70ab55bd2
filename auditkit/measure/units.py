"""What scores are about: samples with their answers, as units of an arm, and what all metrics need to know of them.

Everything that is the same for all metrics (clusters, groups, facts, margins) is made once an arm, and names are
numbered, so that no metric, slice or group sorts or copies texts again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.measure import answers
from auditkit.measure.groups import UNKNOWN, group_of
from auditkit.schema import Output, Sample
from auditkit.stats.columns import Codes, Floats, Mask

Outputs = Mapping[str, Output | None]
UnitKind = Literal["sample", "origin"]


@dataclass(frozen=True, eq=False, slots=True)
class Unit:
    """What one score is about: a sample, or the twins of an origin, sorted by id."""

    id: str
    members: tuple[Sample, ...]

    def fact(self, key: str) -> str:
        """A metadata value as text, `unknown` where it is absent or differs between the members."""
        facts = {_text(member.metadata.get(key)) for member in self.members}
        return facts.pop() if len(facts) == 1 else UNKNOWN

    def group(self, axis: str) -> str | None:
        """The members' group on an axis, `unknown` where they differ, `None` where the axis is not theirs."""
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
class Labels:
    """A name for each unit, as numbers."""

    names: tuple[str, ...]
    """The different names, sorted."""
    codes: Codes
    """Shape (n,): index of each unit's name."""

    @staticmethod
    def of(labels: Sequence[str]) -> Labels:
        """Number the labels in the order of their names."""
        names = tuple(sorted(set(labels)))
        codes = {name: code for code, name in enumerate(names)}
        return Labels(names, np.fromiter((codes[label] for label in labels), dtype=np.intp, count=len(labels)))

    def named(self, name: str) -> Mask:
        """Which units bear a name, shape (n,)."""
        return np.asarray(self.codes == self.names.index(name))


class Units:
    """The units of an arm, sorted by id."""

    def __init__(self, units: Sequence[Unit], outputs: Outputs) -> None:
        """Take the units and the answers to their samples; see `AnsweredSamples.units`."""
        self.units = tuple(units)
        self._outputs = outputs
        self._labels: dict[tuple[str, str], Labels] = {}

    def facts(self, key: str) -> Labels:
        """The units' metadata under a key."""
        return self._once("fact", key, lambda unit: unit.fact(key))

    def groups(self, axis: str) -> Labels:
        """The units' groups on an axis; empty where the axis is not theirs."""
        return self._once("group", axis, lambda unit: unit.group(axis) or "")

    def clusters(self, factor: str) -> Labels:
        """The units' clusters.

        Raises:
            MeasurementError: twins in different clusters, or in none.
        """
        return self._once("cluster", factor, lambda unit: unit.cluster(factor))

    @cached_property
    def margins(self) -> Floats:
        """How far each unit's answer, or the closest of its twins', is ahead of the next one; shape (n,)."""
        margins = (
            min(answers.read(member, self._outputs.get(member.id)).margin for member in unit.members)
            for unit in self.units
        )
        return np.fromiter(margins, dtype=np.float64, count=len(self.units))

    def members(self, unit_ids: Sequence[str]) -> tuple[str, ...]:
        """Ids of the samples that some units are made of."""
        return tuple(member.id for name in unit_ids for member in self._by_id[name].members)

    @cached_property
    def _by_id(self) -> Mapping[str, Unit]:
        return {unit.id: unit for unit in self.units}

    def _once(self, kind: str, name: str, label: Callable[[Unit], str]) -> Labels:
        if (kind, name) not in self._labels:
            self._labels[kind, name] = Labels.of([label(unit) for unit in self.units])
        return self._labels[kind, name]


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
            samples = self.arm(arm)
            units = [Unit(sample.id, (sample,)) for sample in samples] if kind == "sample" else _origins(samples)
            self._units[arm, kind] = Units(units, self.outputs)
        return self._units[arm, kind]


def _origins(samples: Sequence[Sample]) -> list[Unit]:
    origins: dict[str, list[Sample]] = {}
    for sample in samples:
        origins.setdefault(sample.origin, []).append(sample)
    return [Unit(origin, tuple(members)) for origin, members in sorted(origins.items())]


def _text(value: str | int | float | bool | None) -> str:
    if value is None or value == "":
        return UNKNOWN
    return str(value).lower() if isinstance(value, bool) else str(value)
