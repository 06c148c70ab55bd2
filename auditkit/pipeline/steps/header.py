"""What the first line of the journal says, and the run folder that is named after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditkit.pipeline.around.environment import environment
from auditkit.pipeline.steps.packs import AuditedPack
from auditkit.pipeline.steps.requests import RequestSet
from auditkit.schema import Config, Policy, digest
from auditkit.schema.journal import Header
from auditkit.store.folder import RunFolder, default_name


def make_header(
    config: Config, policy: Policy, packs: Sequence[AuditedPack], request_set: RequestSet
) -> Header:
    """The header of a run: of the packs, those that the model can answer."""
    applicable = [pack for pack in packs if pack.card.name in request_set.rules]
    return Header(
        config=config.identity(), policy=policy, cards=tuple(pack.card for pack in applicable),
        rules=request_set.rules,
        sampled={pack.card.name: (len(pack.samples), len(pack.rows)) for pack in applicable},
        not_applicable=request_set.not_applicable, left_out=request_set.left_out,
        declared=tuple(metric for pack in packs for metric in pack.declared),
        subject=request_set.adapter.subject, environment=environment(),
    )


def run_folder(config: Config, header: Header) -> RunFolder:
    """The folder that the configuration names, else the one that the same command on the same weights finds again."""
    if config.out is not None:
        return RunFolder(Path(config.out), config.shared)
    identity = digest({"config": header.config, "fingerprint": header.subject.fingerprint, "cards": header.cards})
    return RunFolder(Path("reports") / default_name(config.model, identity), config.shared)
