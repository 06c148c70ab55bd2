"""The page's view data: everything that the templates show, in words and positions."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.render.view.areas import Area, areas
from auditkit.render.view.cases import AttributionView, attention_views
from auditkit.render.view.findings import Fact, FindingView, Group, Link, RuleView, groups, rules, views
from auditkit.render.view.gaps import Gaps, SelfTest, gaps, selftest
from auditkit.render.view.index import Index, index
from auditkit.render.view.provenance import Cost, Methods, Ran, command, cost, efficiency, methods
from auditkit.render.view.robustness import Robustness, robustness
from auditkit.render.words.numbers import count, share
from auditkit.render.words.verdict import sentence
from auditkit.render.words.wording import EXIT, STATUS, VERDICT
from auditkit.schema import Audit, Status


@dataclass(frozen=True)
class VerdictView:
    """The decision."""

    status: Status
    word: str
    sentence: str
    exit: str
    reasons: tuple[Link, ...]
    tally: tuple[tuple[Status, str], ...]
    """Status and `3 fail`, for each status that occurs."""


@dataclass(frozen=True)
class Header:
    """Which model, when, on how much, with which seed and policy."""

    model: str
    facts: tuple[Fact, ...]
    date: str
    """Human form; empty where nothing was observed."""
    datetime: str
    audit: str


@dataclass(frozen=True)
class Page:
    """Everything that the report shows."""

    title: str
    verdict: VerdictView
    header: Header
    findings: tuple[FindingView, ...]
    rules: tuple[RuleView, ...]
    areas: tuple[Area, ...]
    robustness: Robustness | None
    """None where no variants were asked."""
    attention: tuple[tuple[str, AttributionView], ...]
    gaps: Gaps
    selftest: SelfTest
    methods: Methods
    cost: Cost
    efficiency: Ran
    observed: bool
    command: str
    contents: tuple[Link, ...]
    evidence: str
    """What was kept of cited samples' texts."""

    @property
    def cards(self) -> tuple[FindingView, ...]:
        """Blocking findings that did not pass."""
        return tuple(finding for finding in self.findings if finding.prominent)

    @property
    def others(self) -> tuple[Group, ...]:
        """The other findings, gathered by rule and outcome."""
        return groups([finding for finding in self.findings if not finding.prominent])


def verdict(ix: Index, findings: tuple[FindingView, ...]) -> VerdictView:
    """The decision in words, with a count of each status."""
    decided = ix.audit.verdict
    by_id = {finding.id: finding for finding in findings}
    tally = []
    for status, word in STATUS.items():
        number = sum(1 for finding in findings if finding.status == status)
        if number:
            verb = {"fails": "fail", "passes": "pass"}.get(word, word) if number != 1 else word
            tally.append((status, f"{number} {verb}"))
    return VerdictView(
        status=decided.status,
        word=VERDICT[decided.status],
        sentence=sentence(ix.audit),
        exit=f"Exit code {decided.exit_code}: {EXIT[decided.exit_code]}.",
        reasons=tuple(Link("#" + by_id[one].anchor, by_id[one].title) for one in decided.reasons if one in by_id),
        tally=tuple(tally),
    )


def _revision(parts: dict[str, str]) -> str:
    return next((parts[key] for key in sorted(parts) if "revision" in key), "not recorded")


def _date(moment: str) -> str:
    """`2025-03-01T09:30:00+00:00` → `2025-03-01 09:30 UTC`."""
    return f"{moment[:10]} {moment[11:16]} UTC" if len(moment) >= 16 else moment


def header(audit: Audit) -> Header:
    """Which model, when, on how much, with which seed and policy."""
    subject = audit.subject
    rows = sum(some for some, _ in audit.sampled.values())
    whole = sum(all_ for _, all_ in audit.sampled.values())
    facts = [Fact("Revision", _revision(subject.parts)), Fact("Fingerprint", subject.fingerprint[:16])]
    facts.append(Fact("Family", subject.kind))
    if subject.parameters is not None:
        facts.append(Fact("Weights", count(subject.parameters)))
    if subject.dtype is not None or subject.device is not None:
        facts.append(Fact("Arithmetic", ", ".join(one for one in (subject.dtype, subject.device) if one)))
    facts += [
        Fact("Samples", f"{count(rows)} of {count(whole)} ({share(rows, whole)})"),
        Fact("Seed", str(audit.config.seed)),
        Fact("Policy", audit.policy.name),
    ]
    moment = audit.observed.finished if audit.observed else ""
    return Header(subject.name, tuple(facts), _date(moment), moment, audit.id)


def _contents(page_areas: tuple[Area, ...], varied: bool, attention: bool) -> tuple[Link, ...]:
    links = [Link("#findings", "Findings")]
    links += [Link("#" + area.anchor, area.title) for area in page_areas]
    if varied:
        links.append(Link("#robustness", "Robustness"))
    if attention:
        links.append(Link("#attention", "Attention views"))
    return (
        *links,
        Link("#not-measured", "What was not measured"),
        Link("#selftest", "Self-test"),
        Link("#methods", "Methods and signatures"),
        Link("#cost", "Cost"),
        Link("#reproduce", "Reproduce"),
    )


def build(audit: Audit) -> Page:
    """Turn an audit into what its page shows."""
    ix = index(audit)
    findings = views(ix)
    sections = areas(ix)
    attention = attention_views(ix)
    varied = robustness(ix)
    return Page(
        title=f"{VERDICT[audit.verdict.status]}: audit of {audit.subject.name}",
        verdict=verdict(ix, findings),
        header=header(audit),
        findings=findings,
        rules=rules(ix),
        areas=sections,
        robustness=varied,
        attention=attention,
        gaps=gaps(ix),
        selftest=selftest(ix),
        methods=methods(ix),
        cost=cost(audit.observed),
        efficiency=efficiency(audit),
        observed=audit.observed is not None,
        command=command(audit),
        contents=_contents(sections, varied is not None, bool(attention)),
        evidence=audit.config.evidence,
    )
