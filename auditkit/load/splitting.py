"""Training and validation rows, so that nothing learnt is asked again: whole clusters, labels on both sides."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditkit.errors import PackError
from auditkit.schema import Sample, TrainingTask, digest


@dataclass(frozen=True)
class Split:
    """Two sides without a common text; each sample's `clusters` holds one factor, `text`."""

    training: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    duplicates: int
    """Rows whose text another row has too."""
    contradictory: int
    """Texts that have more than one label."""
    dropped: int = 0
    """Training rows whose cluster reaches into the given validation rows."""


def split(samples: Sequence[Sample], task: TrainingTask, share: float, seed: int) -> Split:
    """Hold out whole clusters: rows with the same (first) text or the same cluster id stay together.

    Texts are the same if they are equal without regard to case and spaces. The choice depends on the seed and the
    texts, not on the order of rows; it is stratified by label, of several labels by the rarest.

    Args:
        samples: all rows.
        task: what is learnt.
        share: of the rows, between 0 and 1.
        seed: of the choice.

    Raises:
        PackError: one label only, or a label that only one cluster has: one side would be without it.
    """
    grouped = _clustered(samples)
    _require_labels(grouped, task)
    counts = Counter(_labels(grouped, task))
    strata: dict[str, list[list[Sample]]] = defaultdict(list)
    for group in _groups(grouped):
        strata[_stratum(group, task, counts)].append(group)
    held: set[str] = set()
    for groups in strata.values():
        order = sorted(groups, key=lambda group: digest([seed, sorted(_key(sample) for sample in group)]))
        held.update(_first(order, share * sum(map(len, groups))))
    if not held:
        raise PackError(f"{_file(samples)}: all rows share one cluster; give a --validation file, or more texts")
    return Split(
        tuple(sample for sample in grouped if sample.id not in held),
        tuple(sample for sample in grouped if sample.id in held), *_doubled(grouped),
    )


def _first(order: Sequence[Sequence[Sample]], wanted: float) -> Iterable[str]:
    """Sample ids of the first clusters, about `wanted` rows; of several clusters at least one, and never all."""
    rows = 0
    for group in order[:-1]:
        if rows and rows + len(group) / 2 > wanted:
            return
        rows += len(group)
        yield from (sample.id for sample in group)


def with_validation(training: Sequence[Sample], validation: Sequence[Sample], task: TrainingTask) -> Split:
    """Take the validation rows as given, and drop what would leak from training: equal texts and shared clusters.

    Raises:
        PackError: one label only, a validation label that training lacks, or nothing left to learn from.
    """
    moved = [sample.model_copy(update={"id": sample.id.replace("training", "validation", 1)}) for sample in validation]
    grouped = _clustered([*training, *moved])
    outside = {sample.id for sample in moved}
    shared = {sample.clusters["text"] for sample in grouped if sample.id in outside}
    learnt = tuple(s for s in grouped if s.id not in outside and s.clusters["text"] not in shared)
    held = tuple(sample for sample in grouped if sample.id in outside)
    if not learnt:
        raise PackError(f"{_file(training)}: every row is in {_file(validation)} too; nothing is left to learn from")
    counts = Counter(_labels(learnt, task))
    _require_two(training, task, counts)
    unknown = sorted(set(_labels(held, task)) - set(counts))
    if unknown:
        raise PackError(f'{_file(validation)}: the label "{unknown[0]}" is not in {_file(training)}; add rows')
    return Split(learnt, held, *_doubled(learnt), dropped=len(training) - len(learnt))


def _clustered(samples: Sequence[Sample]) -> list[Sample]:
    """The samples, each with the cluster that its text and its cluster id put it into."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        """The name that stands for all names joined with this one; paths to it are halved on the way."""
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for sample in samples:
        text = root("text " + _key(sample))
        for cluster in sample.clusters.values():
            parent[root("cluster " + cluster)] = text
    return [
        sample.model_copy(update={"clusters": {"text": digest(root("text " + _key(sample)))[:16]}})
        for sample in samples
    ]


def _key(sample: Sample) -> str:
    """What makes two rows the same: the first text, or the words."""
    text = sample.input.get("text") or " ".join(sample.words)
    return " ".join(text.casefold().split())


def _groups(samples: Sequence[Sample]) -> Iterable[list[Sample]]:
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.clusters["text"]].append(sample)
    return groups.values()


def _stratum(group: Sequence[Sample], task: TrainingTask, counts: Counter[str]) -> str:
    """The commonest label of a cluster, of several labels the rarest one; one stratum for numbers and tags."""
    labels = Counter(_labels(group, task))
    if not labels:
        return ""
    if task == "multi-label-classification":
        return min(labels, key=lambda label: (counts[label], label))
    return min(labels, key=lambda label: (-labels[label], label))


def _labels(samples: Iterable[Sample], task: TrainingTask) -> Iterable[str]:
    """The classes of rows; none for numbers, and none for tags, which no split can balance."""
    if task == "multi-label-classification":
        return (label for sample in samples for label in sample.references)
    if task == "classification":
        return (str(sample.target) for sample in samples)
    return ()


def _require_labels(samples: Sequence[Sample], task: TrainingTask) -> None:
    counts = Counter(_labels(samples, task))
    _require_two(samples, task, counts)
    if task == "multi-label-classification":
        return
    clusters: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        for label in _labels([sample], task):
            clusters[label].add(sample.clusters["text"])
    for label, texts in sorted(clusters.items()):
        if len(texts) == 1:
            where = "in one row only" if counts[label] == 1 else "with one text or cluster only"
            raise PackError(
                f'{_file(samples)}: the label "{label}" is {where}, so it cannot be both learnt and checked; '
                f"add rows, remove it, or give a --validation file"
            )


def _require_two(samples: Sequence[Sample], task: TrainingTask, counts: Counter[str]) -> None:
    if task in ("regression", "tagging"):
        return
    needed = 1 if task == "multi-label-classification" else 2
    if len(counts) < needed:
        what = f'all {len(samples)} rows have the label "{next(iter(counts))}"' if counts else "no row has a label"
        raise PackError(f"{_file(samples)}: {what}; a classifier needs at least {needed}")


def _doubled(samples: Sequence[Sample]) -> tuple[int, int]:
    """Rows whose text another row has too, and texts with more than one truth."""
    truths: dict[str, set[str]] = defaultdict(set)
    count: Counter[str] = Counter()
    for sample in samples:
        key = _key(sample) + "\x1f" + sample.input.get("text_pair", "")
        count[key] += 1
        truths[key].add(f"{sample.target} {sorted(sample.references)} {sample.tags}")
    return sum(n for n in count.values() if n > 1), sum(len(several) > 1 for several in truths.values())


def _file(samples: Sequence[Sample]) -> str:
    return samples[0].source.file
