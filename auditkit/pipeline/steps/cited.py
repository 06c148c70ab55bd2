"""Which samples are explained: for the run that explains them, and for the audit that keeps what was explained."""

from __future__ import annotations

from collections.abc import Sequence

from auditkit.schema import Estimate
from auditkit.schema.benchmark import UNSCORED_SHARE
from auditkit.schema.journal import Header


def samples_to_explain(header: Header, estimates: Sequence[Estimate]) -> dict[str, int]:
    """The most extreme samples that the pooled estimates of blocking checks cite, but for missing answers.

    A retried error may move what is cited; what the journal holds of samples no longer cited is then left out.

    Returns:
        Sample id to its rank: by pack, then by id.
    """
    most = header.config.explain.samples
    blocking = [
        check for check in header.policy.checks if check.severity == "block" and check.metric != UNSCORED_SHARE
    ]
    headline = {check.estimate.over_all_rows for check in blocking}
    pack_rank = {card.name: number for number, card in enumerate(header.cards)}
    cited = {
        (pack_rank[estimate.id.benchmark], sample)
        for estimate in estimates if estimate.id in headline
        for sample in estimate.cited.extreme[:most]
    }
    return {sample: rank for rank, (_, sample) in enumerate(sorted(cited))}
