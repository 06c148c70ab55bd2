"""One audit from configuration to verdict: load, run, explain, measure, judge, render."""

from __future__ import annotations

import datetime as dt
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from auditkit.errors import ConfigError, ModelError
from auditkit.explain.attributions import Item, NotExplained, explain, items_for
from auditkit.judge.feasible import Design, refuse_if_it_cannot_fail
from auditkit.judge.policies import builtin_names, open_policy
from auditkit.load.packs import Pack, open_pack
from auditkit.load.packs import names as builtin_packs
from auditkit.load.requests import build, choose_rule
from auditkit.load.rows import read_samples
from auditkit.load.sampling import limit
from auditkit.measure.measuring import measure
from auditkit.models.adapter import Adapter, AnswersBySample, Labelled
from auditkit.models.open import open_model
from auditkit.models.planted import BEHAVIOURS, Planted
from auditkit.models.predictions import SCHEME, Predictions
from auditkit.pipeline.assemble import Assembled, Header, answered, assemble, to_explain
from auditkit.pipeline.drift import refuse_model
from auditkit.pipeline.offline import prepare
from auditkit.pipeline.pages import write_pages
from auditkit.registry import get
from auditkit.run.runner import deduplicate, run_round
from auditkit.schema import Audit, Benchmark, Config, Observed, Policy, Request, Sample, digest, plain
from auditkit.schema.event import Event, OnEvent, ignore
from auditkit.store.cache import AnswerCache
from auditkit.store.folder import RunFolder, default_name
from auditkit.store.journal import Journal, read_journal
from auditkit.store.lines import request_entry

LIBRARIES = ("auditkit", "torch", "transformers", "tokenizers", "captum", "fairlearn", "numpy", "scipy", "pandas")


@dataclass
class Clock:
    """Seconds of each stage."""

    stages: dict[str, float] = field(default_factory=dict)
    started: str = field(default_factory=lambda: _now())

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.stages[name] = round(self.stages.get(name, 0.0) + time.perf_counter() - begun, 3)


@dataclass(frozen=True)
class Loaded:
    """The rows of one pack that are audited."""

    pack: Pack
    samples: tuple[Sample, ...]
    rows: tuple[Sample, ...]
    """All rows of the pack, audited or not."""


@dataclass(frozen=True)
class Asked:
    """What will be asked of the model."""

    adapter: Adapter
    rules: dict[str, str]
    not_applicable: dict[str, str]
    requests: dict[str, Request]
    """By sample id."""
    without_answer: frozenset[str] = frozenset()
    """Samples to which saved predictions hold no answer: their requests are journalled, and not run."""


@dataclass(frozen=True)
class Finished:
    """An audit and where it lies."""

    audit: Audit
    folder: RunFolder
    seal: str
    """sha256 of audit.json, for CI to keep."""


def audit(model: str, *, packs: Sequence[str] | None = None, on_event: OnEvent = ignore, **settings: Any) -> Audit:
    """Audit a model and return the result; the run folder is written as on the command line.

    Args:
        model: Hub id, directory, GGUF file, `smollm2`, `openai:MODEL@BASE_URL`, `predictions:FILE` or `planted:NAME`.
        packs: names of built-in packs or folders with a card.yaml; the built-in ones by default.
        on_event: called with each `Event` of progress.
        settings: further fields of `Config`, e.g. `limit=200, seed=1, out="reports/x"`.

    Raises:
        UsageError: the model, a pack or a setting cannot be used.
    """
    chosen = {"packs": tuple(packs)} if packs is not None else {}
    try:
        config = Config(model=model, **chosen, **settings)
    except ValueError as error:
        raise ConfigError(f"audit: {error}") from None
    return run_audit(config, on_event).audit


def run_audit(
    config: Config, on_event: OnEvent = ignore, *, begun: Header | None = None, retry_errors: bool = False
) -> Finished:
    """Run an audit, or go on with an interrupted one.

    The run folder's journal is what a resume reads: the same command on the same weights finds it.

    Args:
        config: what is audited; `out` names the run folder.
        on_event: called with each `Event` of progress.
        begun: the header of the run to go on with: its policy is used, and what moved since is refused.
        retry_errors: ask again what is journalled as errored.

    Raises:
        UsageError: the model, a pack, the policy or the run folder cannot be used.
    """
    prepare(offline=config.offline)
    clock = Clock()
    with clock.stage("load"):
        loaded = _load(config, on_event)
        policy = begun.policy if begun else open_policy(config.policy, [item.pack.card.name for item in loaded])
    with clock.stage("model"):
        asked = _ask(config, loaded, on_event)
        _refuse_idle_checks(config, policy, loaded, asked)
    header = _header(config, policy, loaded, asked)
    folder = RunFolder(_where(config, header))
    if begun is not None:
        refuse_model(folder.path, begun, header)
    body = plain(header)
    with Journal.open(folder.journal, body, on_event=on_event) as journal:
        folder.sweep()
        if not retry_errors and _finished(folder, journal, on_event):
            found = folder.read_audit()
            write_pages(folder, found)
            return Finished(found, folder, folder.audit_sha256())
        with clock.stage("run"):
            _run(config, loaded, asked, journal, on_event, retry_errors=retry_errors)
        with clock.stage("explain"):
            _explain(config, asked, journal, on_event)
        with clock.stage("measure"):
            on_event(Event("measure", "estimates, self-test on planted models, verdict"))
            records = read_journal(folder.journal)
            assembled = assemble(records, dt.datetime.now(dt.UTC).date())
        observed = _observed(clock, records)
        return _write(folder, journal, assembled, observed, on_event)


def _load(config: Config, on_event: OnEvent) -> list[Loaded]:
    loaded = []
    for name in config.packs:
        pack = open_pack(name)
        rows = read_samples(pack)
        samples = limit(rows, config.limit, config.seed) if config.limit is not None else rows
        on_event(Event("load", f"{pack.card.name}: {len(samples)} of {len(rows)} rows"))
        loaded.append(Loaded(pack, tuple(samples), tuple(rows)))
    names = [item.pack.card.name for item in loaded]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise ConfigError(f"packs: {', '.join(sorted(doubled))} is named twice; name each pack once")
    return loaded


def _ask(config: Config, loaded: Sequence[Loaded], on_event: OnEvent) -> Asked:
    """Open the model, choose each pack's rule and build the requests."""
    by_sample = _answers_by_sample(config, loaded)
    if by_sample is not None:
        return _ask_by_sample(by_sample, loaded)
    adapter = open_model(config, on_event)
    rules: dict[str, str] = {}
    refused: dict[str, str] = {}
    requests: dict[str, Request] = {}
    for item in loaded:
        card = item.pack.card
        rule = choose_rule(card, adapter.rules.get(card.request, ()))
        reason = _why_not(adapter, card, rule, item.samples)
        if rule is None or reason is not None:
            refused[card.name] = reason or ""
            continue
        rules[card.name] = rule
        requests |= _requests(card, rule, item.samples)
    return Asked(adapter, rules, refused, requests)


def _why_not(adapter: Adapter, card: Benchmark, rule: str | None, samples: Sequence[Sample]) -> str | None:
    """Why this model cannot answer a pack; `None` where it can."""
    offered = adapter.rules.get(card.request, ())
    if rule is None:
        found = f"it offers {', '.join(offered)}" if offered else f"it answers no {card.request} request"
        probed = adapter.subject.parts.get("likelihood", "")
        why = f" (likelihoods {probed})" if probed.startswith("not used") else ""
        return f"a model of family {adapter.subject.kind} cannot answer by {' or '.join(card.rules)}: {found}{why}"
    if rule in ("label", "probabilities") and isinstance(adapter, Labelled):
        try:
            adapter.require_labels({choice.label for sample in samples for choice in sample.choices})
        except ModelError as error:
            return str(error)
    return None


def _answers_by_sample(config: Config, loaded: Sequence[Loaded]) -> AnswersBySample | None:
    """A planted model or saved predictions; `None` for a model that must be asked."""
    scheme, _, rest = config.model.partition(":")
    if scheme == "planted":
        if rest not in BEHAVIOURS:
            raise ConfigError(f'no planted model is called "{rest}"; there are: {", ".join(BEHAVIOURS)}')
        return Planted(rest)
    if config.model.startswith(SCHEME):
        cards = {item.pack.card.name: item.pack.card for item in loaded}
        rows = [sample for item in loaded for sample in item.rows]
        return Predictions(Path(rest), cards, rows, [name for name in builtin_packs() if name not in cards])
    return None


def _ask_by_sample(source: AnswersBySample, loaded: Sequence[Loaded]) -> Asked:
    """Build the requests, and hand over which sample asks each."""
    rules = {item.pack.card.name: source.rule(item.pack.card) for item in loaded}
    requests: dict[str, Request] = {}
    by_hash: dict[str, Sample] = {}
    without: set[str] = set()
    for item in loaded:
        made = _requests(item.pack.card, rules[item.pack.card.name], item.samples)
        requests |= made
        for sample in item.samples:
            if not source.holds(sample):
                without.add(sample.id)
                continue
            source.agree(by_hash.setdefault(made[sample.id].sha256, sample), sample)
    return Asked(source.adapter(by_hash), rules, {}, requests, frozenset(without))


def _refuse_idle_checks(config: Config, policy: Policy, loaded: Sequence[Loaded], asked: Asked) -> None:
    """Refuse a user's blocking checks that no answers could make fail, before the model is asked."""
    if config.policy in builtin_names():
        return
    blocking = [check for check in policy.checks if check.severity == "block"]
    for item in loaded:
        card = item.pack.card
        for check in blocking:
            if check.benchmark != card.name or card.name not in asked.rules or check.contrast or check.group:
                continue
            chosen = [
                sample for sample in item.samples
                if check.arm in ("all", sample.arm)
                and all(str(sample.metadata.get(key)) == value for key, value in check.slice.items())
            ]
            metric = get("metric", check.metric)
            clusters = [sample.clusters[card.clusters[0]] for sample in chosen]
            if chosen:
                design = Design(clusters, metric.range, metric.direction, metric.ideal)
                refuse_if_it_cannot_fail(check, design, len(blocking))


def _requests(card: Benchmark, rule: str, samples: Sequence[Sample]) -> dict[str, Request]:
    built = build(card, rule, samples)
    return {sample.id: request for sample, request in zip(samples, built, strict=True)}


def _header(config: Config, policy: Policy, loaded: Sequence[Loaded], asked: Asked) -> Header:
    kept = [item for item in loaded if item.pack.card.name in asked.rules]
    # Where the run folder lies, and how far one command may go, are no properties of the audit.
    api = config.api.model_copy(update={"max_requests": None, "max_tokens": None})
    return Header(
        config=config.model_copy(update={"out": None, "api": api}), policy=policy,
        cards=tuple(item.pack.card for item in kept),
        rules=asked.rules, sampled={item.pack.card.name: (len(item.samples), len(item.rows)) for item in kept},
        not_applicable=asked.not_applicable, subject=asked.adapter.subject, environment=environment(),
    )


def environment() -> dict[str, str]:
    """Library to version, and the Python version and platform."""
    found = {"python": platform.python_version(), "platform": f"{sys.platform}-{platform.machine()}"}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _where(config: Config, header: Header) -> Path:
    if config.out is not None:
        return Path(config.out)
    identity = digest({"config": header.config, "fingerprint": header.subject.fingerprint, "cards": header.cards})
    return Path("reports") / default_name(config.model, identity)


def _finished(folder: RunFolder, journal: Journal, on_event: OnEvent) -> bool:
    records = journal.records
    if records.seal is None or records.after_seal or not folder.audit.exists():
        return False
    if records.seal != folder.audit_sha256():
        return False
    on_event(Event("render", f"{folder.path} holds this audit already, sealed: only the pages are written again"))
    return True


def _run(
    config: Config, loaded: Sequence[Loaded], asked: Asked, journal: Journal, on_event: OnEvent, *,
    retry_errors: bool,
) -> None:
    samples = [sample for item in loaded if item.pack.card.name in asked.rules for sample in item.samples]
    journal.samples(samples)
    _journal_not_run(asked, journal)
    once = deduplicate(
        (sample.id, asked.requests[sample.id]) for sample in samples if sample.id not in asked.without_answer
    )
    with AnswerCache.open(enabled=asked.adapter.cacheable, on_event=on_event) as cache:
        run_round(
            asked.adapter, once.requests, once.askers, journal, cache, batch_tokens=config.batch_tokens,
            on_event=on_event, retry_errors=retry_errors,
        )


def _journal_not_run(asked: Asked, journal: Journal) -> None:
    """Journal the requests without an answer: the self-test asks them of planted models."""
    if not asked.without_answer:
        return
    known = journal.records.askers
    left = deduplicate((name, asked.requests[name]) for name in sorted(asked.without_answer))
    journal.append_many(
        request_entry(left.requests[sha], names) for sha, names in left.askers.items()
        if not set(names) <= set(known.get(sha, ()))
    )


def _explain(config: Config, asked: Asked, journal: Journal, on_event: OnEvent) -> None:
    """Explain the cited samples of the blocking metrics that have no attribution in the journal yet."""
    if config.explain.samples == 0:
        return
    records = journal.records
    header = Header.model_validate(records.header)
    items: list[Item] = []
    for pack in answered(records, header):
        found = measure(
            pack.card, pack.samples, pack.outputs, level=0.95, seed=config.seed, pooled_only=True
        ).estimates
        cited = to_explain(header, found)
        samples = [sample for sample in pack.samples if sample.id in cited]
        items += items_for(samples, pack.requests, _answers(pack.outputs))
    for item in explain(asked.adapter, items, config.explain, done=records.attributions, on_event=on_event):
        if isinstance(item, NotExplained):
            journal.not_explained(item.sample_id, item.reason)
        else:
            journal.attribution(item)


def _answers(outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: output for name, output in outputs.items() if output is not None and output.error is None}


def _observed(clock: Clock, records: Any) -> Observed:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    outputs = records.outputs.values()
    return Observed(
        started=clock.started, finished=_now(), seconds=round(sum(clock.stages.values()), 3), stages=clock.stages,
        peak_memory_bytes=peak, host={"cpus": str(os.cpu_count()), "machine": platform.machine()},
        requests=len(records.requests), cache_hits=records.cached,
        model_tokens=sum(output.prompt_tokens + output.completion_tokens for output in outputs),
        model_seconds=round(records.seconds, 3),
    )


def _write(
    folder: RunFolder, journal: Journal, assembled: Assembled, observed: Observed, on_event: OnEvent
) -> Finished:
    result = assembled.audit.model_copy(update={"observed": observed})
    on_event(Event("render", str(folder.page)))
    folder.write_samples(assembled.samples, assembled.scores)
    seal = folder.write_audit(result)
    journal.seal(seal)
    # The pages are functions of audit.json: what is rendered is what a reader of the file gets.
    result = folder.read_audit()
    write_pages(folder, result)
    return Finished(result, folder, seal)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
