"""What is there: packs, metrics, rules, models, policies, plugins."""

from __future__ import annotations

from collections.abc import Callable

from auditkit import registry
from auditkit.errors import RegistryError
from auditkit.judge.policies import BUILT_IN
from auditkit.judge.rules import find_rule
from auditkit.load import packs
from auditkit.load.samples import read_samples
from auditkit.models.families import all_families
from auditkit.render.view.rules import rule_text
from auditkit.schema import RuleText

Row = dict[str, str]


def inventory(kind: str) -> list[Row]:
    """Rows with `name` and facts, for one of `KINDS`."""
    return KINDS[kind]()


def _packs() -> list[Row]:
    rows = []
    for name in packs.built_in_names():
        pack = packs.open_pack(name)
        clusters = {sample.clusters[pack.card.clusters[0]] for sample in read_samples(pack)}
        size = f"{pack.card.rows} rows, {len(clusters)} {pack.card.clusters[0]}s"
        policy = "policy default" if pack.card.default else ""
        rows.append({"name": name, "size": size, "policy": policy, "title": " ".join(pack.card.title.split())})
    return rows


def _metrics() -> list[Row]:
    rows = []
    for name in registry.names("metric"):
        try:
            metric = registry.get("metric", name)
        except RegistryError as error:
            rows.append({"name": name, "title": f"broken: {error}"})
            continue
        low, high = metric.range
        span = f"[{low:g}, {high:g}]"
        rows.append({"name": name, "range": span, "direction": metric.direction, "title": metric.title})
    return rows


def _rules() -> list[Row]:
    rows = []
    for code in registry.names("rule"):
        try:
            text = documentation(code)
        except RegistryError as error:
            rows.append({"name": code, "what": f"broken: {error}"})
        else:
            rows.append({"name": code, "rule": text.name, "what": text.what} if text else {"name": code})
    return rows


def documentation(code: str) -> RuleText | None:
    """What a rule does, why, and what to do about a failure; `None` for a plugin's rule without words.

    Raises:
        RegistryError: no such rule is installed, or its package is broken.
    """
    return rule_text(code, find_rule(code).words)


def _models() -> list[Row]:
    states = {name: registry.missing(name) or "installed" for name in ("smollm2", "minilm")}
    rows = [
        {"name": "smollm2", "what": f"SmolLM2-135M-Instruct ({states['smollm2']})"},
        {"name": "minilm", "what": f"all-MiniLM-L6-v2, an encoder to fine-tune ({states['minilm']})"},
    ]
    families = sorted(all_families(), key=lambda family: (bool(family.scheme), family.name))
    return rows + [
        {"name": form, "what": family.description} for family in families for form in family.forms or (family.name,)
    ]


def _plugins() -> list[Row]:
    return [
        {"name": f"{plugin.kind}.{plugin.name}", "target": plugin.target, "from": plugin.distribution,
         "problem": f"BROKEN: {plugin.problem}" if plugin.problem else ""}
        for plugin in registry.plugins(check=True)
    ]


def _policies() -> list[Row]:
    return [{"name": name, "what": purpose} for name, purpose in BUILT_IN.items()]


KINDS: dict[str, Callable[[], list[Row]]] = {
    "packs": _packs, "metrics": _metrics, "rules": _rules, "models": _models, "policies": _policies,
    "plugins": _plugins,
}
"""What can be listed."""
