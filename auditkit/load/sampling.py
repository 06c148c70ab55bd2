"""Fewer rows than a pack has: whole clusters, from one seeded order."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from auditkit.schema import Sample

STRATA = ("axis", "topic")
"""Metadata keys that may name a cluster's stratum; the first one present does."""
_Key = tuple[int, str]


def limit(samples: Sequence[Sample], n: int, seed: int, *, factor: str | None = None) -> list[Sample]:
    """At most `n` samples: whole clusters, twins kept together, spread evenly over axes and groups.

    Each cluster's place follows from a hash of seed and cluster id, so that neither the order of rows nor rows added
    elsewhere move it, and a smaller `n` gives a subset of a larger one. Axes (or, without an axis, topics: `STRATA`)
    take turns, and inside an axis its groups. It stops before the cluster that would exceed `n`; only a first cluster
    larger than `n` is taken whole.

    Args:
        samples: all samples of a pack.
        n: most samples, at least 1.
        seed: any integer; 0 is a seed.
        factor: the cluster factor (the outermost); default the sample's first.

    Returns:
        The chosen samples, in the order given.

    Raises:
        ValueError: n is less than 1.
    """
    if n < 1:
        raise ValueError(f"a limit of {n} samples leaves nothing to measure; give at least 1")
    if len(samples) <= n:
        return list(samples)
    chosen: set[int] = set()
    for unit in _ordered(_units(samples, factor), samples, seed):
        if chosen and len(chosen) + len(unit) > n:
            break
        chosen.update(unit)
    return [sample for i, sample in enumerate(samples) if i in chosen]


def _units(samples: Sequence[Sample], factor: str | None) -> dict[str, list[int]]:
    """Unit name (its first cluster id) to sample positions: clusters, joined where an origin's twins span two."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        """The name that stands for all names joined with this one."""
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    clusters = [f"c\0{_cluster(sample, factor)}" for sample in samples]
    for cluster, sample in zip(clusters, samples, strict=True):
        a, b = sorted((root(cluster), root(f"o\0{sample.origin}")))
        parent[b] = a
    units: dict[str, list[int]] = defaultdict(list)
    for i, cluster in enumerate(clusters):
        units[root(cluster)].append(i)
    return units


def _cluster(sample: Sample, factor: str | None) -> str:
    if not sample.clusters:
        return sample.origin
    return sample.clusters[factor] if factor in sample.clusters else next(iter(sample.clusters.values()))


def _ordered(units: dict[str, list[int]], samples: Sequence[Sample], seed: int) -> list[list[int]]:
    strata: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, positions in units.items():
        members = [samples[i] for i in positions]
        axes = {_stratum(m) for m in members}
        groups = {f"{axis}:{group}" for m in members for axis, group in m.groups.items()}
        strata[",".join(sorted(axes))][",".join(sorted(groups))].append(name)
    placed: list[tuple[_Key, str]] = []
    for axis, by_group in strata.items():
        for place, name in enumerate(_in_turns(by_group, seed)):
            placed.append(((place, _hash(seed, axis)), name))
    return [units[name] for _, name in sorted(placed)]


def _stratum(sample: Sample) -> str:
    named = next((sample.metadata[key] for key in STRATA if sample.metadata.get(key)), None)
    return str(named) if named is not None else ",".join(sorted(sample.groups))


def _in_turns(by_group: dict[str, list[str]], seed: int) -> list[str]:
    keyed: list[tuple[_Key, str]] = []
    for names in by_group.values():
        for turn, name in enumerate(sorted(names, key=lambda name: _hash(seed, name))):
            keyed.append(((turn, _hash(seed, name)), name))
    return [name for _, name in sorted(keyed)]


def _hash(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}\0{name}".encode()).hexdigest()
