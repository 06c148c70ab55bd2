"""Before the model is asked anything: packs and rows, the model, each pack's rule, and the requests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auditkit.errors import ConfigError, ModelError
from auditkit.load.own_data import open_task
from auditkit.load.packs import Pack, built_in_names, open_pack
from auditkit.load.requests import build, choose_rule
from auditkit.load.samples import read_samples
from auditkit.load.sampling import limit
from auditkit.load.variants import variants
from auditkit.models.adapter import Adapter, FixedLabelAdapter, PackRows, SampleAnswerer
from auditkit.models.families import family_of_scheme
from auditkit.models.open import open_model
from auditkit.schema import Benchmark, Config, Request, Sample
from auditkit.schema.event import Event, OnEvent

ALL = "all"
"""Key of `Config.rules` for every pack that is not named."""


@dataclass(frozen=True)
class Loaded:
    """The rows of one pack that are audited."""

    pack: Pack
    samples: tuple[Sample, ...]
    rows: tuple[Sample, ...]
    """All rows of the pack, audited or not."""
    variants: tuple[Sample, ...] = ()
    """Of the samples, where the configuration asks for robustness runs."""


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
    load_seconds: float | None = None
    """What opening the model took."""


def load_packs(config: Config, on_event: OnEvent) -> list[Loaded]:
    """Read the rows of every pack, as many as the configuration asks for."""
    loaded = []
    opened = [(pack := open_pack(name), read_samples(pack), config.limit) for name in config.packs]
    for task in config.tasks:
        card, made = open_task(task)
        opened.append((Pack(card, Path(task.data), ()), made, task.limit or config.limit))
    for pack, rows, most in opened:
        samples = limit(rows, most, config.seed) if most is not None else rows
        varied = variants(pack.card, samples, config, rows)
        more = f", {len(varied)} variants" if varied else ""
        on_event(Event("load", f"{pack.card.name}: {len(samples)} of {len(rows)} rows{more}"))
        if "formats" not in config.robustness:  # what is not asked is no part of the audit's identity
            pack = replace(pack, card=pack.card.model_copy(update={"formats": ()}))
        loaded.append(Loaded(pack, tuple(samples), tuple(rows), tuple(varied)))
    names = [item.pack.card.name for item in loaded]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise ConfigError(f"packs: {', '.join(sorted(doubled))} is named twice; name each pack or task once")
    return loaded


def ask(config: Config, loaded: Sequence[Loaded], on_event: OnEvent) -> Asked:
    """Open the model, choose each pack's rule and build the requests."""
    _check_rules(config, loaded)
    by_sample = _answers_by_sample(config, loaded)
    if by_sample is not None:
        return _ask_by_sample(by_sample, config, loaded)
    begun = time.perf_counter()
    adapter = open_model(config, on_event)
    load_seconds = time.perf_counter() - begun
    rules: dict[str, str] = {}
    refused: dict[str, str] = {}
    requests: dict[str, Request] = {}
    for item in loaded:
        card = item.pack.card
        wanted = _wanted(config, card)
        rule = choose_rule(card, adapter.rules.get(card.request, ()), wanted)
        reason = _why_not(adapter, card, rule, wanted, item.samples)
        if rule is None or reason is not None:
            refused[card.name] = reason or ""
            continue
        rules[card.name] = rule
        requests |= _requests(item, rule)
    return Asked(adapter, rules, refused, requests, load_seconds=load_seconds)


def _wanted(config: Config, card: Benchmark) -> str | None:
    """The rule that the configuration asks for."""
    return config.rules.get(card.name, config.rules.get(ALL))


def _check_rules(config: Config, loaded: Sequence[Loaded]) -> None:
    """Refuse a rule for a pack that is not audited, or that the pack does not accept."""
    cards = {item.pack.card.name: item.pack.card for item in loaded}
    for name, rule in config.rules.items():
        if name != ALL and name not in cards:
            raise ConfigError(f'rules: "{name}" is not audited; packs: {", ".join(cards)}, or {ALL} for any')
        accepted = [rule for card in cards.values() if name in (ALL, card.name) for rule in card.rules]
        if rule not in accepted:
            found = ", ".join(dict.fromkeys(accepted))
            raise ConfigError(f'rules: {name}: no rule "{rule}" is accepted; choose one of: {found}')


def _why_not(
    adapter: Adapter, card: Benchmark, rule: str | None, wanted: str | None, samples: Sequence[Sample]
) -> str | None:
    """Why this model cannot answer a pack; `None` where it can."""
    offered = adapter.rules.get(card.request, ())
    if wanted is not None and wanted not in card.rules:
        return _not_accepted(card, wanted)
    if rule is None:
        found = f"it offers {', '.join(offered)}" if offered else f"it answers no {card.request} request"
        probed = adapter.subject.parts.get("likelihood", "")
        why = f" (likelihoods {probed})" if probed.startswith("not used") else ""
        asked = wanted or " or ".join(card.rules)
        return f"a model of family {adapter.subject.kind} cannot answer by {asked}: {found}{why}"
    if rule in ("label", "probabilities", "tags") and isinstance(adapter, FixedLabelAdapter):
        try:
            adapter.require_labels({name for sample in samples for name in (*sample.labels, *sample.tags)})
        except ModelError as error:
            return str(error)
    return None


def _not_accepted(card: Benchmark, wanted: str) -> str:
    return f"the pack accepts {' or '.join(card.rules)}, and not the rule {wanted} that was asked for"


def _answers_by_sample(config: Config, loaded: Sequence[Loaded]) -> SampleAnswerer | None:
    """A planted model or saved predictions; `None` for a model that must be asked."""
    family = family_of_scheme(config.model)
    if family is None or not family.answerer:
        return None
    cards = {item.pack.card.name: item.pack.card for item in loaded}
    rows = (
        sample for item in loaded
        for sample in (*item.rows, *variants(item.pack.card, item.rows, config, item.rows))
    )
    others = [name for name in built_in_names() if name not in cards]
    answerer: SampleAnswerer = family.load("answerer")(
        config.model.removeprefix(family.scheme), PackRows(cards, rows, others)
    )
    return answerer


def _ask_by_sample(source: SampleAnswerer, config: Config, loaded: Sequence[Loaded]) -> Asked:
    """Build the requests, and hand over which sample asks each."""
    rules: dict[str, str] = {}
    refused: dict[str, str] = {}
    requests: dict[str, Request] = {}
    by_hash: dict[str, Sample] = {}
    without: set[str] = set()
    for item in loaded:
        card = item.pack.card
        wanted = _wanted(config, card)
        if wanted is not None and wanted not in card.rules:
            refused[card.name] = _not_accepted(card, wanted)
            continue
        rules[card.name] = source.rule(card, wanted)
        made = _requests(item, rules[card.name])
        requests |= made
        for sample in (*item.samples, *item.variants):
            if sample.id not in made:
                continue
            if not source.holds(sample):
                without.add(sample.id)
                continue
            source.agree(by_hash.setdefault(made[sample.id].sha256, sample), sample)
    return Asked(source.adapter(by_hash), rules, refused, requests, frozenset(without))


def _requests(item: Loaded, rule: str) -> dict[str, Request]:
    """Sample id to request; without variants that change nothing of what this model reads, as formats are for one
    that reads no prompt."""
    made = _built(item.pack.card, rule, item.samples)
    varied = _built(item.pack.card, rule, item.variants)
    clean = {sample.id: made[sample.clean_id] for sample in item.variants}
    return made | {name: request for name, request in varied.items() if request.sha256 != clean[name].sha256}


def _built(card: Benchmark, rule: str, samples: Sequence[Sample]) -> dict[str, Request]:
    built = build(card, rule, samples)
    return {sample.id: request for sample, request in zip(samples, built, strict=True)}
