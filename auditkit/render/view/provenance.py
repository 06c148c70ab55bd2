"""How the numbers came about: methods, signatures, policy, cost, and the command that makes them again."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any

from auditkit.render.view.findings import Fact
from auditkit.render.view.index import Index
from auditkit.render.words.numbers import count, level, limit, number, share
from auditkit.render.words.wording import CONTRAST, METHODS, SEVERITY, capital, humane, measured
from auditkit.schema import Api, Audit, Config, Efficiency, Estimate, Explain, Observed, Record
from auditkit.schema.config import LIMITS_AND_PRICES


@dataclass(frozen=True)
class Signature:
    """The instrument half of some metrics' signature."""

    metrics: tuple[str, ...]
    parts: tuple[Fact, ...]


@dataclass(frozen=True)
class CheckRow:
    """One check of the policy."""

    rule: str
    what: str
    limit: str
    severity: str
    demands: str


@dataclass(frozen=True)
class Methods:
    """Interval methods, signatures, policy and versions."""

    intervals: tuple[Fact, ...]
    names: tuple[str, ...]
    """Names of interval methods as the estimates give them, without degrees of freedom and counts."""
    subject: tuple[Fact, ...]
    signatures: tuple[Signature, ...]
    checks: tuple[CheckRow, ...]
    policy: str
    """Name of the policy."""
    description: str
    waivers: tuple[Fact, ...]
    versions: tuple[Fact, ...]


@dataclass(frozen=True)
class Cost:
    """What the run took; `None` in the audit shows as such."""

    stages: tuple[tuple[str, str, str], ...]
    """Stage, seconds, share of the wall time."""
    facts: tuple[Fact, ...]
    host: tuple[Fact, ...]


def _kinds(ix: Index) -> list[str]:
    kinds: list[str] = []
    for estimate in ix.audit.estimates:
        spread: Any = estimate.spread
        pending = [] if spread is None else [spread]
        while pending:
            one = pending.pop()
            kinds.append(one.kind)
            pending.extend(getattr(one, "parts", ()))
    return [kind for kind in METHODS if kind in kinds]


def _family(method: str) -> str:
    """A method's name without its counts: `clustered Wilson (t, 13 df)` → `clustered Wilson (t)`."""
    return re.sub(r"^\d+ pairwise contrasts?", "pairwise contrasts", re.sub(r"(, | \()\d+ df(?=\))", r"\1", method)
                  .replace(", )", ")").replace(" ()", ""))


def _signatures(estimates: tuple[Estimate, ...]) -> tuple[Signature, ...]:
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for estimate in estimates:
        names = groups.setdefault(tuple(sorted(estimate.signature.items())), [])
        name = str(estimate.id.over_all_rows)
        if estimate.id.contrast is not None:
            name += f", {CONTRAST[estimate.id.contrast]}"
        if name not in names:
            names.append(name)
    return tuple(Signature(tuple(names), _facts(dict(parts))) for parts, names in groups.items())


def _facts(parts: dict[str, str]) -> tuple[Fact, ...]:
    return tuple(Fact(humane(key), parts[key]) for key in sorted(parts))


def _checks(ix: Index) -> tuple[CheckRow, ...]:
    return tuple(
        CheckRow(
            rule=check.rule,
            what=measured(check),
            limit=limit(check, ix.estimates.get(check.estimate)),
            severity=SEVERITY[check.severity],
            demands=f"{level(check.level)} interval, ≥ {count(check.min_samples)} samples, "
            f"≥ {count(check.min_clusters)} clusters, ≤ {level(check.max_unscored)} unscored, "
            f"≤ {level(check.max_errored)} errored",
        )
        for check in ix.audit.policy.checks
    )


def methods(ix: Index) -> Methods:
    """Everything that a reviewer needs to recompute and to compare."""
    audit = ix.audit
    subject = audit.subject
    halves = [Fact("fingerprint", subject.fingerprint), Fact("family", subject.kind), *_facts(subject.parts)]
    waivers = tuple(
        Fact(one.finding, f"{one.owner}, until {one.expires.isoformat()}, bound {number(one.accepted_bound)}: "
             f"{one.reason}")
        for one in audit.policy.waivers
    )
    return Methods(
        intervals=tuple(Fact(*METHODS[kind]) for kind in _kinds(ix)),
        names=tuple(sorted({_family(one.method) for one in audit.estimates})),
        subject=tuple(halves),
        signatures=_signatures(audit.estimates),
        checks=_checks(ix),
        policy=audit.policy.name,
        description=audit.policy.description,
        waivers=waivers,
        versions=tuple(Fact(key, audit.environment[key]) for key in sorted(audit.environment)),
    )


def seconds(value: float) -> str:
    """`4.2 s`, `3 min 20 s`, `2 h 5 min`."""
    if value < 60:
        return f"{value:.1f}\u00a0s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}\u00a0h {minutes}\u00a0min" if hours else f"{minutes}\u00a0min {rest}\u00a0s"


def size(value: int) -> str:
    """Bytes as MiB or GiB."""
    return f"{value / 2**30:.2f}\u00a0GiB" if value >= 2**30 else f"{value / 2**20:.0f}\u00a0MiB"


def amount(value: float | None, unit: str) -> str:
    """A number with its unit; `not measured` for `None`."""
    return "not measured" if value is None else f"{number(value)}\u00a0{unit}"


def duration(value: float | None) -> str:
    """Milliseconds below a second, else seconds; `not measured` for `None`."""
    if value is None:
        return "not measured"
    return f"{number(value * 1000)}\u00a0ms" if value < 1 else seconds(value)


LATENCIES = {
    "batch": "Latency is a batch's time divided evenly among its requests: a single request alone would wait longer.",
    "request": "Latency is from sending to answer, retries and waits included, with other requests in flight.",
}


@dataclass(frozen=True)
class Ran:
    """What one needs to choose between models."""

    facts: tuple[Fact, ...]
    """None where no model ran, or an earlier version audited."""
    note: str
    """How latency was measured; empty where it was not."""


def efficiency(audit: Audit) -> Ran:
    """Size, speed and price of the model, as observed."""
    observed, subject = audit.observed, audit.subject
    ran = None if observed is None else observed.efficiency
    if observed is None or ran is None:
        return Ran((), "")
    facts = []
    if subject.parameters is not None:
        facts.append(Fact("Parameters", count(subject.parameters)))
    if ran.disk_bytes is not None:
        facts.append(Fact("Weights on disk", size(ran.disk_bytes)))
    if subject.kind != "api" and observed.peak_memory_bytes is not None:
        facts.append(Fact("Peak memory", f"{size(observed.peak_memory_bytes)}, auditkit included"))
    if ran.peak_device_bytes is not None:
        facts.append(Fact("Peak memory on the GPU", size(ran.peak_device_bytes)))
    facts.append(Fact("Load time", duration(ran.load_seconds)))
    facts.append(Fact("Throughput", amount(ran.tokens_per_second, "tokens/s")))
    facts.append(Fact("Latency, median", duration(ran.latency_median)))
    facts.append(Fact("Latency, 95th percentile", duration(ran.latency_p95)))
    facts.append(Fact("Answers timed", f"{count(ran.answers)}, none from the cache"))
    return Ran((*facts, *_price(ran)), "" if ran.latency is None else LATENCIES[ran.latency])


def _price(ran: Efficiency) -> tuple[Fact, ...]:
    if ran.price_input is None and ran.price_output is None:
        return ()
    prices = f"{number(ran.price_input or 0.0)} in, {number(ran.price_output or 0.0)} out a million tokens"
    if ran.cost is None:
        return (Fact("Cost", f"not known: the endpoint did not count the tokens of every answer ({prices})"),)
    tokens = f"{count(ran.input_tokens)} tokens read, {count(ran.output_tokens)} written"
    return (Fact("Cost", f"{number(ran.cost)} ({prices}; {tokens}; retries and probes not counted)"),)


def cost(observed: Observed | None) -> Cost:
    """What was observed while the audit ran."""
    if observed is None:
        return Cost((), (), ())
    whole = observed.seconds
    stages = tuple(
        (capital(name), seconds(taken), f"{100 * taken / whole:.0f}\u00a0%" if whole > 0 else "–")
        for name, taken in observed.stages.items()
    )
    memory = "not recorded" if observed.peak_memory_bytes is None else size(observed.peak_memory_bytes)
    facts = (
        Fact("Wall time of the last process", seconds(whole)),
        Fact("Model time for answers, all processes", seconds(observed.model_seconds)),
        Fact("Peak memory", memory),
        Fact("Requests", count(observed.requests)),
        Fact("From the cache", f"{count(observed.cache_hits)} ({share(observed.cache_hits, observed.requests)})"),
        Fact("Tokens read and written", count(observed.model_tokens)),
    )
    return Cost(stages, facts, _facts(observed.host))


def _flags(config: Config) -> list[str]:
    """One flag for each setting that is not at its default."""
    flags: list[str] = []
    for name, field in Config.model_fields.items():
        value = getattr(config, name)
        usual = None if field.is_required() else field.get_default(call_default_factory=True)
        if name in ("model", "schema_version", "packs", "tasks", "explain", "api", "rules") or value == usual:
            continue
        flag = f"--{name.replace('_', '-')}"
        flags += [flag] if value is True else [flag, ",".join(value) if isinstance(value, tuple) else str(value)]
    for pack, rule in config.rules.items():
        flags += ["--rule", f"{pack}={rule}"]
    if config.explain.samples != Explain().samples:
        flags += ["--explain", str(config.explain.samples)]
    for name in LIMITS_AND_PRICES:
        value = getattr(config.api, name)
        flags += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
    return flags


def _unflagged(config: Config) -> list[str]:
    """Lines of an audit.yaml for the settings that no flag sets."""
    tasks = [task.model_dump(mode="json", exclude_defaults=True) for task in config.tasks]
    return [
        *([] if config.packs else ["packs: []"]),
        # JSON is YAML on one line
        *([f"tasks: {json.dumps(tasks, ensure_ascii=False)}"] if tasks else []),
        *_changed("explain", config.explain, Explain(), ("samples",)),
        *_changed("api", config.api, Api(), LIMITS_AND_PRICES),
    ]


def _changed(key: str, record: Record, usual: Record, flagged: tuple[str, ...]) -> list[str]:
    lines = [
        f"  {name}: {getattr(record, name)}"
        for name in type(record).model_fields
        if name not in flagged and getattr(record, name) != getattr(usual, name)
    ]
    return [f"{key}:", *lines] if lines else []


def command(audit: Audit) -> str:
    """The shell command that makes the audit again, quoted for POSIX shells."""
    config = audit.config
    words = ["auditkit", "audit", config.model]
    for pack in config.packs:
        words += ["--pack", pack]
    if "--seed" not in (flags := _flags(config)):
        flags += ["--seed", str(config.seed)]
    settings = _unflagged(config)
    if not settings:
        return shlex.join([*words, *flags])
    written = shlex.join(["printf", "%s\\n", *settings]) + " > settings.yaml"
    return f"{written}\n{shlex.join([*words, *flags, '--config', 'settings.yaml'])}"
