"""A limit takes whole clusters from one seeded order, evenly over axes and groups."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from auditkit.load.sampling import limit
from auditkit.schema import Sample, Source


def sample(axis: str, cluster: int, number: int, group: str = "a", origin: str | None = None) -> Sample:
    name = f"p/{axis}-{cluster}-{number}"
    return Sample(
        id=name, benchmark="p", origin=origin or name, source=Source(file="rows.jsonl", line=1),
        groups={axis: group}, clusters={"template": f"{axis}-{cluster}"}, metadata={"axis": axis},
    )


def pack(clusters: int = 20, size: int = 4) -> list[Sample]:
    return [sample(axis, c, i, "ab"[c % 2]) for axis in ("age", "gender", "race") for c in range(clusters)
            for i in range(size)]


def clusters(samples: list[Sample]) -> Counter[str]:
    return Counter(s.clusters["template"] for s in samples)


def test_whole_clusters_and_never_more_than_asked() -> None:
    for n in range(4, 240, 7):
        taken = limit(pack(), n, seed=0)
        assert n - 4 < len(taken) <= n
        assert set(clusters(taken).values()) == {4}


def test_axes_and_their_groups_share_evenly() -> None:
    taken = limit(pack(), 48, seed=0)
    assert Counter((s.metadata["axis"], *s.groups.values()) for s in taken) == dict.fromkeys(
        [(axis, group) for axis in ("age", "gender", "race") for group in "ab"], 8
    )


def test_not_the_first_rows_and_another_seed_another_choice() -> None:
    chosen = {tuple(s.id for s in limit(pack(), 24, seed=seed)) for seed in range(5)}
    assert len(chosen) == 5
    assert tuple(s.id for s in pack()[:24]) not in chosen


def test_row_order_does_not_matter_and_order_is_kept() -> None:
    rows = pack()
    mixed = random.Random(1).sample(rows, len(rows))
    taken = limit(mixed, 60, seed=3)
    assert {s.id for s in taken} == {s.id for s in limit(rows, 60, seed=3)}
    assert taken == [s for s in mixed if s in taken]


def test_a_smaller_limit_is_a_subset_of_a_larger_one() -> None:
    small, large = limit(pack(), 24, seed=0), limit(pack(), 96, seed=0)
    assert {s.id for s in small} < {s.id for s in large}


def test_added_clusters_leave_the_order_of_the_others() -> None:
    def order(rows: list[Sample]) -> list[str]:
        found: list[str] = []
        for n in range(4, len(rows), 4):
            found += [c for c in clusters(limit(rows, n, seed=0)) if c not in found]
        return found

    rows = [s for s in pack() if s.metadata["axis"] == "age" and s.groups["age"] == "a"]
    more = [*rows, *(sample("age", c, i) for c in range(100, 103) for i in range(4))]
    before = order(rows)
    assert [c for c in order(more) if c in before] == before


def test_twins_stay_together_across_clusters() -> None:
    rows = [sample("age", c, i, origin=f"o-{c // 2}-{i}") for c in range(10) for i in range(3)]
    for n in (6, 7, 13, 18):
        origins = Counter(s.origin for s in limit(rows, n, seed=0))
        assert set(origins.values()) == {2}


def test_a_first_cluster_that_is_too_large_is_taken_whole() -> None:
    assert len(limit(pack(size=9), 5, seed=0)) == 9


def test_limits_at_the_edges() -> None:
    assert limit(pack(), 10_000, seed=0) == pack()
    with pytest.raises(ValueError, match="at least 1"):
        limit(pack(), 0, seed=0)
