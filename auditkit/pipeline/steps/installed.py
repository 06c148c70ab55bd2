"""Whether a run asked what it says: its rows, its prompts and its policy against those that are installed here.

A journal holds the rows and the requests itself, so that nobody needs the packs to recompute its numbers. Whoever
forges a run can write easier rows, other prompts or a milder policy into it, and all that follows is consistent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from auditkit.errors import AuditkitError, VerifyError
from auditkit.judge.policies import BUILT_IN
from auditkit.load.packs import built_in_names, open_card, open_pack, published_names
from auditkit.load.requests import build
from auditkit.load.samples import read_samples
from auditkit.pipeline.steps.answers import PackAnswers
from auditkit.pipeline.steps.packs import audited_pack
from auditkit.pipeline.steps.policy import open_policy
from auditkit.pipeline.steps.requests import requests_of_pack
from auditkit.schema import PLAUSIBILITY, Benchmark, Config, Sample, plain
from auditkit.schema.journal import Header


@dataclass(frozen=True)
class Comparison:
    """Something of a run, beside what is installed under its name."""

    what: str
    """A pack as `name@version`, or the policy."""
    missing: str = ""
    """Why there is nothing to compare with; empty where it was compared, and is the same."""


def compare_packs(header: Header, packs: list[PackAnswers]) -> tuple[Comparison, ...]:
    """Check what was asked: always against the journal's own rows, and these against the pack where it is installed.

    Raises:
        VerifyError: naming the first pack and sample that differs.
    """
    return tuple(_compare(header, pack) for pack in packs)


def compare_policy(header: Header) -> Comparison:
    """Check that a policy with a built-in name has the built-in content.

    Raises:
        VerifyError: it has not.
    """
    name, policy = header.config.policy, header.policy
    if name not in BUILT_IN:
        if policy.name in BUILT_IN:
            raise VerifyError(f'policy: is called "{policy.name}", which is a built-in name, but was read from {name}')
        return Comparison(f"policy {policy.name}", "it is no built-in one; judge by your own: `auditkit gate --policy`")
    if name == "packs" and not all(_is_known(pack) for pack in header.config.packs):
        return Comparison(f"policy {name}", "it holds checks of packs that are not part of auditkit")
    if plain(open_policy(name, header.config.packs, header.declared)) != plain(policy):
        raise VerifyError(
            f'policy: is called "{name}", but its checks are not those of this auditkit\'s policy of that name; '
            f"{_remedy(header)}"
        )
    return Comparison(f"policy {name}")


def _compare(header: Header, pack: PackAnswers) -> Comparison:
    card, rule = pack.card, header.rules.get(pack.card.name, "")
    _check_requests(card, rule, pack)
    rows = sum(not sample.variant and sample.arm != PLAUSIBILITY for sample in pack.samples)
    stated, _ = header.sampled[card.name]
    if rows != stated:
        raise VerifyError(f"{card.name}: {rows} rows are journalled, but the header says {stated}")
    name = f"{card.name}@{card.version}"
    opened = _open(card, header.config)
    if isinstance(opened, str):
        return Comparison(name, opened)
    installed, installed_rows = opened
    audited = audited_pack(installed, installed_rows, header.config.most, header.config)
    if audited.card != card:
        fields = ", ".join(_differing(plain(audited.card), plain(card)))
        raise VerifyError(f"{name}: its card is not that of the installed pack ({fields}); {_remedy(header)}")
    if audited.declared != tuple(metric for metric in header.declared if metric.benchmark == card.name):
        raise VerifyError(f"{name}: its slices and groups are not those of the installed rows; {_remedy(header)}")
    requests = requests_of_pack(audited, rule)
    expected = {sample.id: sample for sample in audited.everything_asked if sample.id in requests}
    journalled = {sample.id: sample for sample in pack.samples}
    for sample_id in sorted(expected.keys() | journalled.keys()):
        if expected.get(sample_id) != journalled.get(sample_id):
            raise VerifyError(f"{sample_id}: is not the row of the installed pack {name}; {_remedy(header)}")
    return Comparison(name)


def _check_requests(card: Benchmark, rule: str, pack: PackAnswers) -> None:
    """Raise unless every request is the one that the pack's own rows and templates make."""
    samples = [sample for sample in pack.samples if sample.id in pack.requests]
    try:
        requests = build(card, rule, samples)
    except (AuditkitError, IndexError, ValueError) as error:
        raise VerifyError(f"{card.name}: its rows and templates make no requests: {error}") from None
    for sample, request in zip(samples, requests, strict=True):
        if request.sha256 != pack.requests[sample.id].sha256:
            raise VerifyError(f"{sample.id}: was asked something else than its row and the card's template make")


def _open(card: Benchmark, config: Config) -> tuple[Benchmark, list[Sample]] | str:
    """The installed pack's card and rows, or why there are none."""
    if card.name not in _known():
        return "it is no pack of auditkit: compare its rows with your own"
    # The arms that the run names; any other way to name a pack is a path, which a stranger wrote.
    names = [name for name in config.packs if name.partition(":")[0] == card.name]
    try:
        if open_card(card.name).version != card.version:
            return f"version {open_card(card.name).version} is installed here"
        pack = open_pack(names[0] if names else card.name)
        return pack.card, read_samples(pack)
    except AuditkitError as error:
        return f"it cannot be opened here: {error}"


def _known() -> set[str]:
    return {*built_in_names(), *published_names()}


def _is_known(name: str) -> bool:
    return name.partition(":")[0] in _known()


def _differing(left: Mapping[str, object], right: Mapping[str, object]) -> Iterator[str]:
    return (key for key in sorted(left.keys() | right.keys()) if left.get(key) != right.get(key))


def _remedy(header: Header) -> str:
    return f"the run says that auditkit {header.environment.get('auditkit', 'unknown')} made it: verify with that one"
