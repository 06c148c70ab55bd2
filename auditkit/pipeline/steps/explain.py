"""The samples that blocking checks cite are explained, and what was found is journalled."""

from __future__ import annotations

from auditkit.explain.attributions import MissingExplanation, explain
from auditkit.explain.options import ExplainedOption, options_to_explain
from auditkit.measure.measurement import measure
from auditkit.models.adapter import Adapter
from auditkit.pipeline.steps.answers import PackAnswers, answers_by_pack
from auditkit.pipeline.steps.cited import samples_to_explain
from auditkit.schema import Config, Output
from auditkit.schema.event import OnEvent
from auditkit.schema.journal import Header
from auditkit.store.journal import Journal


def explain_cited(config: Config, adapter: Adapter, journal: Journal, on_event: OnEvent) -> None:
    """Explain the cited samples of the blocking metrics that have no attribution in the journal yet.

    Args:
        config: seed, and the settings `explain`.
        adapter: the model.
        journal: holds all answers, and is open for writing.
        on_event: called with each `Event` of progress.
    """
    if config.explain.samples == 0:
        return
    records = journal.records
    options = [
        option for pack in answers_by_pack(records) for option in _options(pack, records.header, config.seed)
    ]
    for explanation in explain(adapter, options, config.explain, done=records.attributions, on_event=on_event):
        if isinstance(explanation, MissingExplanation):
            journal.not_explained(explanation.sample_id, explanation.reason)
        else:
            journal.attribution(explanation)


def _options(pack: PackAnswers, header: Header, seed: int) -> list[ExplainedOption]:
    estimates = measure(pack.card, pack.samples, pack.outputs, level=0.95, seed=seed, pooled_only=True).estimates
    cited = samples_to_explain(header, estimates)
    outputs: dict[str, Output | None] = {
        sample: output for sample, output in pack.outputs.items() if output is not None and output.error is None
    }
    return options_to_explain([sample for sample in pack.samples if sample.id in cited], pack.requests, outputs)
