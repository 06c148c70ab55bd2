"""What the model will be asked: each pack's rule is chosen, and its samples become requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from auditkit.errors import ConfigError, ModelError
from auditkit.load.packs import built_in_names
from auditkit.load.requests import build, choose_rule
from auditkit.load.scrambled import plausibility_twins
from auditkit.load.variants import variants
from auditkit.models.adapter import Adapter, FixedLabelAdapter, PackRows, SampleAnswerer
from auditkit.models.families import family_of_scheme
from auditkit.models.open import open_model
from auditkit.pipeline.steps.packs import AuditedPack
from auditkit.schema import Benchmark, Config, Request, Sample
from auditkit.schema.event import Event, OnEvent

ALL = "all"
"""Key of `Config.rules` for every pack that is not named."""


@dataclass(frozen=True)
class _Refusal:
    """Why a pack is not asked."""

    reason: str
    by_user: bool = False
    """Whether the user's settings leave it out, though the model could answer it."""


@dataclass(frozen=True)
class RequestSet:
    """The model, and what will be asked of it."""

    adapter: Adapter
    rules: dict[str, str]
    """Pack to scoring rule, of the packs that the model can answer."""
    not_applicable: dict[str, str]
    """Pack to the reason why the model cannot answer it."""
    left_out: dict[str, str]
    """Pack to the reason why the user's settings leave it out."""
    requests: dict[str, Request]
    """By sample id."""
    without_answer: frozenset[str] = frozenset()
    """Samples to which saved predictions hold no answer: their requests are journalled, and not run."""
    load_seconds: float | None = None
    """What opening the model took."""


def make_requests(config: Config, packs: Sequence[AuditedPack], on_event: OnEvent) -> RequestSet:
    """Open the model, choose each pack's rule and build the requests.

    Raises:
        ConfigError: a rule is named that no pack accepts.
        ModelError: the model cannot be opened.
    """
    _check_rules(config, packs)
    answerer = _answerer(config, packs)
    if answerer is not None:
        requests = _for_answerer(answerer, config, packs)
        if note := requests.adapter.subject.parts.get("read"):
            on_event(Event("load", note))
        return requests
    start = time.perf_counter()
    adapter = open_model(config, on_event)
    load_seconds = time.perf_counter() - start
    chosen = _requests(packs, lambda pack: _rule(adapter, pack, config))
    return RequestSet(adapter, *chosen, load_seconds=load_seconds)


def _check_rules(config: Config, packs: Sequence[AuditedPack]) -> None:
    """Refuse a rule for a pack that is not audited, or that the pack does not accept."""
    cards = {pack.card.name: pack.card for pack in packs}
    for name, rule in config.rules.items():
        if name != ALL and name not in cards:
            raise ConfigError(f'rules: "{name}" is not audited; packs: {", ".join(cards)}, or {ALL} for any')
        accepted = [rule for card in cards.values() if name in (ALL, card.name) for rule in card.rules]
        if rule not in accepted:
            choices = ", ".join(dict.fromkeys(accepted))
            raise ConfigError(f'rules: {name}: no rule "{rule}" is accepted; choose one of: {choices}')


def _requests(
    packs: Sequence[AuditedPack], rule_of: Callable[[AuditedPack], str | _Refusal]
) -> tuple[dict[str, str], dict[str, str], dict[str, str], dict[str, Request]]:
    """Pack to rule, pack to why the model cannot answer it, pack to why the user leaves it out, sample id to request.

    Args:
        packs: the audited packs.
        rule_of: the rule by which the model answers a pack, or why it cannot.
    """
    rules: dict[str, str] = {}
    not_applicable: dict[str, str] = {}
    left_out: dict[str, str] = {}
    requests: dict[str, Request] = {}
    for pack in packs:
        rule = rule_of(pack)
        if isinstance(rule, _Refusal):
            (left_out if rule.by_user else not_applicable)[pack.card.name] = rule.reason
        else:
            rules[pack.card.name] = rule
            requests |= requests_of_pack(pack, rule)
    return rules, not_applicable, left_out, requests


def requests_of_pack(pack: AuditedPack, rule: str) -> dict[str, Request]:
    """Sample id to request; without variants that change nothing of what this model reads, as formats are for one
    that reads no prompt."""
    clean = _built(pack.card, rule, (*pack.samples, *pack.guards))
    varied = _built(pack.card, rule, pack.variants)
    unchanged = {
        sample.id for sample in pack.variants if varied[sample.id].sha256 == clean[sample.clean_id].sha256
    }
    return clean | {name: request for name, request in varied.items() if name not in unchanged}


def _built(card: Benchmark, rule: str, samples: Sequence[Sample]) -> dict[str, Request]:
    requests = build(card, rule, samples)
    return {sample.id: request for sample, request in zip(samples, requests, strict=True)}


def _wanted_rule(config: Config, card: Benchmark) -> str | _Refusal | None:
    """The rule that the configuration asks for; one for all packs may not be accepted by this one."""
    rule = config.rules.get(card.name, config.rules.get(ALL))
    if rule is not None and rule not in card.rules:
        accepted = " or ".join(card.rules)
        return _Refusal(f"the pack accepts {accepted}, and not the rule {rule} that was asked for", by_user=True)
    return rule


def _rule(adapter: Adapter, pack: AuditedPack, config: Config) -> str | _Refusal:
    """The rule by which a model answers a pack; none where it does not know the pack's labels."""
    card = pack.card
    wanted = _wanted_rule(config, card)
    if isinstance(wanted, _Refusal):
        return wanted
    offered = adapter.rules.get(card.request, ())
    rule = choose_rule(card, offered, wanted)
    if rule is None:
        if wanted is not None and (other := choose_rule(card, offered, None)) is not None:
            return _Refusal(f"the model offers {other}, and not the rule {wanted} that was asked for", by_user=True)
        offer = f"it offers {', '.join(offered)}" if offered else f"it answers no {card.request} request"
        likelihood = adapter.subject.parts.get("likelihood", "")
        probe = f" (likelihoods {likelihood})" if likelihood.startswith("not used") else ""
        accepted = wanted or " or ".join(card.rules)
        return _Refusal(f"a model of family {adapter.subject.kind} cannot answer by {accepted}: {offer}{probe}")
    if rule in ("label", "probabilities", "tags") and isinstance(adapter, FixedLabelAdapter):
        try:
            adapter.require_labels({name for sample in pack.samples for name in (*sample.labels, *sample.tags)})
        except ModelError as error:
            return _Refusal(str(error))
    return rule


def _answerer(config: Config, packs: Sequence[AuditedPack]) -> SampleAnswerer | None:
    """A planted model or saved predictions; `None` for a model that must be asked."""
    family = family_of_scheme(config.model)
    if family is None or not family.answerer:
        return None
    cards = {pack.card.name: pack.card for pack in packs}
    rows = (
        sample for pack in packs for sample in (
            *pack.rows, *plausibility_twins(pack.card, pack.rows), *variants(pack.card, pack.rows, config, pack.rows),
        )
    )
    others = [name for name in built_in_names() if name not in cards]
    answerer: SampleAnswerer = family.load("answerer")(
        config.model.removeprefix(family.scheme), PackRows(cards, rows, others)
    )
    return answerer


def _for_answerer(answerer: SampleAnswerer, config: Config, packs: Sequence[AuditedPack]) -> RequestSet:
    """Build the requests, and tell what answers from samples which sample asks each."""

    def rule_of(pack: AuditedPack) -> str | _Refusal:
        """The rule by which a pack is asked, or why it is not."""
        wanted = _wanted_rule(config, pack.card)
        return wanted if isinstance(wanted, _Refusal) else answerer.rule(pack.card, wanted)

    rules, not_applicable, left_out, requests = _requests(packs, rule_of)
    first_of: dict[str, Sample] = {}
    without_answer: set[str] = set()
    for sample in (sample for pack in packs for sample in pack.everything_asked):
        if sample.id not in requests:
            continue
        if answerer.holds(sample):
            # samples that ask exactly the same are one request: they must be answered alike
            answerer.agree(first_of.setdefault(requests[sample.id].sha256, sample), sample)
        else:
            without_answer.add(sample.id)
    return RequestSet(
        answerer.adapter(first_of), rules, not_applicable, left_out, requests, frozenset(without_answer)
    )
