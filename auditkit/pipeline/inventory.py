"""What is there: packs, metrics, rules, models, policies, plugins."""

from __future__ import annotations

from collections.abc import Callable

from auditkit import registry
from auditkit.errors import RegistryError
from auditkit.judge.policies import builtin_names
from auditkit.judge.rules import find_rule
from auditkit.load import packs
from auditkit.load.samples import read_samples
from auditkit.models.scripted.planted import BEHAVIOURS
from auditkit.render.view.rules import rule_text
from auditkit.schema import RuleText

Row = dict[str, str]

FAMILIES = {
    "causal": "causal language model: Hub id or directory (safetensors), or a GGUF file",
    "masked": "masked language model: Hub id or directory (safetensors)",
    "classifier": "sequence classifier or regression, of texts and pairs: Hub id or directory (safetensors)",
    "tagger": "token classifier, such as named entities: Hub id or directory (safetensors)",
    "span": "extractive question answering: Hub id or directory (safetensors)",
    "seq2seq": "encoder-decoder of text (T5, BART, Marian, M2M100 …): Hub id or directory (safetensors)",
    "embedder": "sentence encoder: Hub id or directory (safetensors)",
}


def inventory(what: str) -> list[Row]:
    """Rows with `name` and facts, for one of `KINDS`."""
    return KINDS[what]()


def _packs() -> list[Row]:
    rows = []
    for name in packs.built_in_names():
        pack = packs.open_pack(name)
        clusters = {sample.clusters[pack.card.clusters[0]] for sample in read_samples(pack)}
        size = f"{pack.card.rows} rows, {len(clusters)} {pack.card.clusters[0]}s"
        rows.append({"name": name, "size": size, "title": " ".join(pack.card.title.split())})
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
    rows += [{"name": name, "what": what} for name, what in FAMILIES.items()]
    rows.append({"name": "openai:MODEL@BASE_URL", "what": "OpenAI-compatible endpoint"})
    rows.append({"name": "predictions:FILE", "what": "saved answers (.jsonl or .csv), no model needed"})
    rows += [{"name": f"planted:{name}", "what": "known behaviour, for self-tests"} for name in BEHAVIOURS]
    return rows


def _plugins() -> list[Row]:
    return [
        {"name": f"{plugin.kind}.{plugin.name}", "target": plugin.target, "from": plugin.distribution,
         "problem": f"BROKEN: {plugin.problem}" if plugin.problem else ""}
        for plugin in registry.plugins(check=True)
    ]


def _policies() -> list[Row]:
    return [{"name": name} for name in builtin_names()]


KINDS: dict[str, Callable[[], list[Row]]] = {
    "packs": _packs, "metrics": _metrics, "rules": _rules, "models": _models, "policies": _policies,
    "plugins": _plugins,
}
"""What can be listed."""
