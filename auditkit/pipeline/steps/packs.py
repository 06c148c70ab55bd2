"""The rows of an audit: those of its packs and of the user's tasks, as many as the configuration asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from auditkit.errors import ConfigError
from auditkit.load.own_data import open_task
from auditkit.load.packs import open_pack, refuse_reserved
from auditkit.load.samples import read_samples
from auditkit.load.sampling import limit
from auditkit.load.scrambled import plausibility_twins
from auditkit.load.variants import variants
from auditkit.measure.declared import declared
from auditkit.measure.uses import completed
from auditkit.pipeline.around.collection import rare_collection
from auditkit.schema import Benchmark, Config, DeclaredMetric, Sample
from auditkit.schema.event import Event, OnEvent, ignore


@dataclass(frozen=True)
class AuditedPack:
    """What is audited of one pack."""

    card: Benchmark
    samples: tuple[Sample, ...]
    rows: tuple[Sample, ...]
    """All rows of the pack, audited or not."""
    declared: tuple[DeclaredMetric, ...]
    """What the card declares and all rows hold."""
    variants: tuple[Sample, ...] = ()
    """Of the samples, where the configuration asks for robustness runs."""
    guards: tuple[Sample, ...] = ()
    """Twins of the samples that show whether the model knows the language of the pairs at all."""

    @property
    def everything_asked(self) -> tuple[Sample, ...]:
        """Everything that the model is asked about, unless a variant changes nothing of what it reads."""
        return (*self.samples, *self.guards, *self.variants)


@rare_collection()
def load_packs(config: Config, on_event: OnEvent) -> list[AuditedPack]:
    """Read the rows of every pack and task, as many as the configuration asks for.

    Raises:
        PackError: a pack or a file of the user's cannot be read.
        ConfigError: a pack or task is named twice, or bears the name of a pack that auditkit brings.
    """
    packs = [audited_pack(card, rows, most, config, on_event) for card, rows, most in list(_sources(config, on_event))]
    repeated = sorted(name for name, count in Counter(pack.card.name for pack in packs).items() if count > 1)
    if repeated:
        raise ConfigError(f"packs: {', '.join(repeated)} is named twice; name each pack or task once")
    return packs


def _sources(config: Config, on_event: OnEvent) -> Iterator[tuple[Benchmark, list[Sample], int | None]]:
    """Card, rows and the most of them that are audited, of each pack and each task."""
    for name in config.packs:
        pack = open_pack(name)
        rows = read_samples(pack)
        refuse_reserved(pack)
        yield pack.card, rows, config.most
    for task in config.tasks:
        card, rows = open_task(task, on_event)
        yield card, rows, task.limit or config.most


def audited_pack(
    card: Benchmark, rows: list[Sample], most: int | None, config: Config, on_event: OnEvent = ignore
) -> AuditedPack:
    """As many of a pack's rows as the configuration asks for, and their variants.

    Args:
        card: the pack.
        rows: all rows of it.
        most: the most of them; all where `None`.
        config: seed and robustness runs.
        on_event: told how many there are.
    """
    samples = limit(rows, most, config.seed) if most is not None else rows
    twins = variants(card, samples, config, rows)
    count = f"{len(samples)} of {len(rows)} rows" + (f", {len(twins)} variants" if twins else "")
    on_event(Event("load", f"{card.name}: {count}"))
    if "formats" not in config.robustness:  # what is not asked does not belong to the audit's identity
        card = card.model_copy(update={"formats": ()})
    guards = plausibility_twins(card, samples)
    card = completed(card, (*rows, *guards))
    names = tuple(dict.fromkeys(twin.variant for twin in twins))
    # twins of all rows, so that what is declared does not depend on how many are asked
    held = declared(card, (*rows, *plausibility_twins(card, rows)), names)
    return AuditedPack(card, tuple(samples), tuple(rows), held, tuple(twins), tuple(guards))
