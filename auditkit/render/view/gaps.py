"""What was not measured, and why: nothing that is missing stays silent."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.render.view.cases import is_attention
from auditkit.render.view.findings import Fact, Link, case_anchor, estimate_anchor
from auditkit.render.view.index import Index
from auditkit.render.words.numbers import count, scale_of, share
from auditkit.render.words.wording import REASONS, RELIABILITY, capital, humane, part
from auditkit.schema import Estimate, Reason, SelfTestReading

LONG = 12
"""Lists with more items than this are folded."""


@dataclass(frozen=True)
class SelfTest:
    """The readings of the planted models."""

    sentence: str
    wrong: tuple[ReadingView, ...]
    right: tuple[ReadingView, ...]
    folded: bool
    """Whether the right readings are enough to be closed at first."""


@dataclass(frozen=True)
class UnscoredRow:
    """How many samples one headline estimate could not score."""

    link: Link
    cells: tuple[str, ...]
    """One a reason, in the glossary's order."""
    total: str
    share: str
    worst: str


@dataclass(frozen=True)
class ReadingView:
    """One planted model's reading."""

    planted: str
    metric: str
    expected: str
    value: str
    interval: str
    n: str
    ok: bool


@dataclass(frozen=True)
class ErrorView:
    """One errored sample."""

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
    not_applicable: tuple[Fact, ...]
    sampled: tuple[Fact, ...]
    """Packs of which only a part was audited."""
    errored: str
    """How many samples errored, in words; empty where none did."""
    errors: tuple[ErrorView, ...]
    not_explained: tuple[ErrorView, ...]
    unreliable: tuple[ErrorView, ...]
    misread: tuple[ReadingView, ...]
    notes: tuple[str, ...]

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


def _unscored(ix: Index) -> tuple[tuple[Reason, ...], tuple[UnscoredRow, ...]]:
    """Every estimate over all rows that could not score some; a part is listed where no estimate covers it."""
    pooled = [estimate for estimate in ix.audit.estimates if estimate.id.pooled]
    rest = [estimate for estimate in ix.audit.estimates if estimate.id.over_all_rows not in ix.estimates]
    shown = [estimate for estimate in [*pooled, *rest] if estimate.unscored]
    reasons = tuple(reason for reason in REASONS if any(one.unscored.get(reason) for one in shown))
    rows = tuple(
        UnscoredRow(
            link=Link("#" + estimate_anchor(one), f"{_name(one)}"),
            cells=tuple(count(one.unscored.get(reason, 0)) for reason in reasons),
            total=f"{count(sum(one.unscored.values()))} of {count(one.total)}",
            share=share(sum(one.unscored.values()), one.total),
            worst=scale_of(one).interval(*one.worst_case),
        )
        for one in shown
    )
    return reasons, rows


def _name(estimate: Estimate) -> str:
    name = estimate.id
    arm = "" if name.arm == "all" else f", {humane(name.arm)}"
    variant = f", variant {name.variant}" if name.variant else ""
    where = "" if name.pooled else f", {part(name)}"
    return f"{name.benchmark}: {humane(name.metric)}{arm}{variant}{where}"


def _linked(texts: dict[str, str], ix: Index) -> tuple[ErrorView, ...]:
    evidence = ix.audit.evidence
    return tuple(
        ErrorView(name, "#" + case_anchor(name) if name in evidence else "", texts[name]) for name in sorted(texts)
    )


def _errored(ix: Index) -> str:
    audit = ix.audit
    if not audit.errored:
        return ""
    noun = "sample" if audit.errored == 1 else "samples"
    text = f"{count(audit.errored)} {noun} could not be asked: the request failed."
    if len(audit.errors) < audit.errored:
        text += f" The first {count(len(audit.errors))} by id are listed."
    return text


def _notes(ix: Index) -> tuple[str, ...]:
    audit, notes = ix.audit, []
    lenient = sum(1 for one in audit.findings if one.status == "inconclusive" and one.check.inconclusive == "pass")
    if lenient:
        notes.append(f"The policy lets {count(lenient)} undecided checks pass (inconclusive: pass).")
    if audit.config.evidence != "full":
        notes.append(f"The texts of cited samples were not kept (evidence: {audit.config.evidence}).")
    if not audit.selftest:
        notes.append("No self-test was run: nothing shows that the metrics read planted models rightly.")
    if audit.config.explain.samples == 0:
        notes.append("No sample was explained (explain.samples: 0).")
    return tuple(notes)


def reading(item: SelfTestReading, ix: Index) -> ReadingView:
    """One row of the self-test's table."""
    estimate = ix.estimates.get(item.estimate)
    scale = scale_of(estimate) if estimate else None

    def text(value: float | None) -> str:
        """A value on the metric's scale; `undefined` for none."""
        if value is None:
            return "undefined"
        return scale.full(value) if scale else f"{value:.4g}"

    interval = "–"
    if item.low is not None and item.high is not None:
        interval = scale.interval(item.low, item.high) if scale else f"[{item.low:.4g}, {item.high:.4g}]"
    name = item.estimate
    words = {"exactly": "exactly ", "around": "around ", "undefined": ""}
    return ReadingView(
        planted=item.planted,
        metric=f"{name.benchmark}: {humane(name.metric)}" + ("" if name.arm == "all" else f", {humane(name.arm)}"),
        expected=words[item.expect] + text(item.expected),
        value=text(item.value),
        interval=interval,
        n=count(item.n),
        ok=item.ok,
    )


def gaps(ix: Index) -> Gaps:
    """Collect what was not measured."""
    audit = ix.audit
    reasons, rows = _unscored(ix)
    unreliable = {
        f"{one.sample_id}, option {one.option + 1}, {humane(one.method)}": (one.sample_id, one.reliability)
        for one in audit.attributions
        if one.reliability != "valid" and not is_attention(one)
    }
    return Gaps(
        reasons=tuple(Fact(*REASONS[reason]) for reason in reasons),
        columns=tuple(REASONS[reason][0] for reason in reasons),
        unscored=rows,
        undefined=tuple(_name(one) for one in audit.estimates if one.value is None),
        not_applicable=tuple(Fact(name, capital(text)) for name, text in sorted(audit.not_applicable.items())),
        sampled=tuple(
            Fact(name, f"{count(some)} of {count(all_)} rows ({share(some, all_)}); seed {audit.config.seed}")
            for name, (some, all_) in audit.sampled.items()
            if some < all_
        ),
        errored=_errored(ix),
        errors=_linked(audit.errors, ix),
        not_explained=_linked(audit.not_explained, ix),
        unreliable=tuple(
            ErrorView(name, "#" + case_anchor(sample) if sample in audit.evidence else "", RELIABILITY[why])
            for name, (sample, why) in sorted(unreliable.items())
        ),
        misread=tuple(reading(one, ix) for one in audit.selftest if not one.ok),
        notes=_notes(ix),
    )


def selftest(ix: Index) -> SelfTest:
    """All readings in the audit's order, the wrong ones apart."""
    wrong = tuple(reading(one, ix) for one in ix.audit.selftest if not one.ok)
    right = tuple(reading(one, ix) for one in ix.audit.selftest if one.ok)
    if not ix.audit.selftest:
        sentence = "No self-test was run."
    elif wrong:
        sentence = f"{count(len(wrong))} of {count(len(wrong) + len(right))} readings are wrong."
    else:
        sentence = f"All {count(len(right))} readings are right."
    return SelfTest(sentence, wrong, right, len(right) > LONG)
