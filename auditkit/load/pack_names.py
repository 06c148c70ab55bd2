"""Whether the names that a card and its checks use are there: metrics, rules, and what the card itself measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from auditkit import registry
from auditkit.config import load_yaml
from auditkit.errors import ConfigError, did_you_mean
from auditkit.load.packs import CARD, CHECKS, card_folder, display, open_card, open_checks
from auditkit.schema.benchmark import UNSCORED_SHARE
from auditkit.schema.faults import Location, quoted

_MODULE = "evaluate:"
"""How the name of a metric begins that is a file of the evaluate library."""


def refuse_unknown_names(name_or_dir: str | Path) -> None:
    """Check a pack's card and checks, whose data need not be here.

    Raises:
        PackError: no such pack.
        ConfigError: a fault in the card or the checks, or a name that is not there, as `file:line: key`.
    """
    card, folder = open_card(name_or_dir), card_folder(name_or_dir)
    path = folder / CARD
    lines = load_yaml(path)[1]
    metrics = registry.names("metric")
    for number, use in enumerate(card.metrics):
        if not use.metric.startswith(_MODULE):
            _require(use.metric, metrics, path, lines, ("metrics", number, "metric"), "metric")
    measured = [use.metric for use in card.metrics]
    for number, reading in enumerate(card.planted):
        _require(reading.metric, measured, path, lines, ("planted", number, "metric"), "metric of this card")
    checks = open_checks(name_or_dir).checks
    if not checks:
        return
    path = folder / CHECKS
    lines = load_yaml(path)[1]
    rules = registry.names("rule")
    checkable = [*measured, UNSCORED_SHARE]
    arms = ["all", *dict.fromkeys(use.arm for use in card.metrics)]
    for number, check in enumerate(checks):
        _require(check.rule, rules, path, lines, ("checks", number, "rule"), "rule")
        _require(check.metric, checkable, path, lines, ("checks", number, "metric"), "metric of this card")
        _require(check.arm, arms, path, lines, ("checks", number, "arm"), "arm that this card measures")


def _require(
    name: str, there: Sequence[str], path: Path, lines: Mapping[Location, int], location: Location, what: str
) -> None:
    """Refuse a name that is not there, with the nearest one that is."""
    if name not in there:
        hint = did_you_mean(name, there, f"there are {', '.join(there)}")
        where = f"{display(path)}:{lines.get(location, 1)}"
        raise ConfigError(f'{where}: {quoted(location)}: no {what} is called "{name}"; {hint}')
