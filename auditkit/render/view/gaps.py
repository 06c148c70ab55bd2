"""The section of what was not measured, and why: nothing that is missing stays silent."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.render.view.anchors import case_anchor, estimate_anchor
from auditkit.render.view.attributions import is_attention, reliability
from auditkit.render.view.facts import Fact, Link
from auditkit.render.view.index import AuditIndex
from auditkit.render.view.names import REASONS, capital, estimate_name, spaced
from auditkit.render.view.section import Section
from auditkit.render.view.selftest import ReadingView, misread
from auditkit.render.view.summary import cut_prompts
from auditkit.render.view.unjudged import left_unjudged
from auditkit.render.view.values import scale_of
from auditkit.render.words.catalogue import plural, say
from auditkit.render.words.numbers import count, share
from auditkit.schema import Estimate, Reason

LONG = 12
"""Lists with more items than this are folded."""


@dataclass(frozen=True)
class UnscoredRow:
    """How many samples one headline estimate could not score."""

    link: Link
    cells: tuple[str, ...]
    """A count for each reason, in the glossary's order."""
    total: str
    share: str
    worst: str


@dataclass(frozen=True)
class SampleNote:
    """Why something is missing for one sample."""

    id: str
    href: str
    """Empty where the sample is not cited."""
    message: str


@dataclass(frozen=True)
class Gaps:
    """Everything that was not measured."""

    reasons: tuple[Fact, ...]
    """The glossary: each reason that occurs, with its meaning."""
    columns: tuple[str, ...]
    unscored: tuple[UnscoredRow, ...]
    undefined: tuple[str, ...]
    undefined_title: str
    not_applicable: tuple[Fact, ...]
    sampled: tuple[Fact, ...]
    """Packs of which only a part was audited."""
    errored: str
    """How many samples errored, in words; empty where none did."""
    errors: tuple[SampleNote, ...]
    not_explained: tuple[SampleNote, ...]
    unreliable: tuple[SampleNote, ...]
    misread: tuple[ReadingView, ...]
    notes: tuple[str, ...]
    """Also missing: rows without label, checks not run, metrics without self-test, and what was not kept."""

    @property
    def undefined_folded(self) -> bool:
        """Whether the list of undefined values is long enough to be closed at first."""
        return len(self.undefined) > LONG

    @property
    def nothing(self) -> bool:
        """Whether everything that was asked was measured."""
        return not any(
            (self.unscored, self.undefined, self.not_applicable, self.sampled, self.errored, self.not_explained,
             self.unreliable, self.misread, self.notes)
        )


def gaps(index: AuditIndex) -> Gaps:
    """Collect what was not measured."""
    audit = index.audit
    reasons, rows = _unscored(index)
    undefined = tuple(estimate_name(estimate.id) for estimate in audit.estimates if estimate.value is None)
    return Gaps(
        reasons=tuple(Fact(_reason(reason), say(f"terms.meaning.{reason}")) for reason in reasons),
        columns=tuple(_reason(reason) for reason in reasons),
        unscored=rows,
        undefined=undefined,
        undefined_title=say("gaps.undefined_folded", n=count(len(undefined))),
        not_applicable=tuple(Fact(name, capital(text)) for name, text in sorted(audit.not_applicable.items())),
        sampled=_sampled(index),
        errored=_errored(index),
        errors=_sample_notes(audit.errors, index),
        not_explained=_sample_notes(audit.not_explained, index),
        unreliable=_unreliable(index),
        misread=misread(index),
        notes=_notes(index),
    )


section = Section("gaps", 500, gaps, "gaps.html.j2", anchor="not-measured")


def _reason(reason: Reason) -> str:
    return say(f"terms.reason.{reason}")


def _unscored(index: AuditIndex) -> tuple[tuple[Reason, ...], tuple[UnscoredRow, ...]]:
    """Every estimate over all rows that could not score some; a part is listed where no estimate covers it."""
    estimates = index.audit.estimates
    pooled = [estimate for estimate in estimates if estimate.id.pooled]
    rest = [estimate for estimate in estimates if estimate.id.over_all_rows not in index.estimates]
    listed = [estimate for estimate in (*pooled, *rest) if sum(estimate.unscored.values())]
    reasons = tuple(reason for reason in REASONS if any(estimate.unscored.get(reason) for estimate in listed))
    return reasons, tuple(_unscored_row(estimate, reasons) for estimate in listed)


def _unscored_row(estimate: Estimate, reasons: tuple[Reason, ...]) -> UnscoredRow:
    lost = sum(estimate.unscored.values())
    return UnscoredRow(
        link=Link("#" + estimate_anchor(estimate), estimate_name(estimate.id)),
        cells=tuple(count(estimate.unscored.get(reason, 0)) for reason in reasons),
        total=say("gaps.part_of", n=count(lost), total=count(estimate.total)),
        share=share(lost, estimate.total),
        worst=scale_of(estimate).interval(*estimate.worst_case),
    )


def _sampled(index: AuditIndex) -> tuple[Fact, ...]:
    seed = str(index.audit.config.seed)
    return tuple(
        Fact(name, say("gaps.sampled_rows", n=count(rows), total=count(total), share=share(rows, total), seed=seed))
        for name, (rows, total) in index.audit.sampled.items()
        if rows < total
    )


def _link(sample_id: str, index: AuditIndex) -> str:
    return "#" + case_anchor(sample_id) if sample_id in index.audit.evidence else ""


def _sample_notes(texts: dict[str, str], index: AuditIndex) -> tuple[SampleNote, ...]:
    return tuple(SampleNote(name, _link(name, index), texts[name]) for name in sorted(texts))


def _unreliable(index: AuditIndex) -> tuple[SampleNote, ...]:
    """Attributions that are not evidence, an option and method each."""
    notes = {}
    for item in index.audit.attributions:
        if item.reliability != "valid" and not is_attention(item):
            option, method = str(item.option + 1), spaced(item.method)
            name = say("gaps.attribution", sample=item.sample_id, option=option, method=method)
            notes[name] = SampleNote(name, _link(item.sample_id, index), reliability(item))
    return tuple(notes[name] for name in sorted(notes))


def _errored(index: AuditIndex) -> str:
    audit = index.audit
    if not audit.errored:
        return ""
    text = say(plural("gaps.errored_samples", audit.errored), n=count(audit.errored))
    if len(audit.errors) < audit.errored:
        text += " " + say("gaps.errors_listed", n=count(len(audit.errors)))
    return text


def _notes(index: AuditIndex) -> tuple[str, ...]:
    audit, notes = index.audit, []
    lenient = sum(finding.let_pass for finding in audit.findings)
    if lenient:
        notes.append(say("gaps.note.lenient", n=count(lenient)))
    notes += left_unjudged(audit)
    if audit.config.evidence != "full":
        notes.append(say("gaps.note.evidence", kept=audit.config.evidence))
    if not audit.selftest:
        notes.append(say("gaps.note.selftest"))
    if audit.config.explain.samples == 0:
        notes.append(say("gaps.note.explain"))
    return (*notes, *cut_prompts(audit))
