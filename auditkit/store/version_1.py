"""From version 1 of audit.json to 2: names in parts, guards recorded, one answer in place of a field for each kind.

The limits of clustered intervals are kept as they were shown; what made them (Wilson's and other rules that did not
hold) has no successor, so that such an estimate can be shown but not judged again at another level.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

GUARDS: dict[str, dict[str, Any]] = {
    "ambiguous_bias_score": {"metric": "accuracy", "arm": "disambiguated", "bound": 1 / 3},
    "disambiguated_bias_score": {"metric": "accuracy", "arm": "disambiguated", "bound": 1 / 3},
    "counterfactual_flip_rate": {"metric": "accuracy", "arm": "all", "bound": 0.5},
}
"""The guards of the built-in metrics in version 1; without them a judged audit would pass what was withheld."""

_ANSWERS: dict[str, tuple[str, str]] = {
    "options": ("options", "options"), "similarities": ("similarities", "values"),
    "probabilities": ("probabilities", "classes"), "number": ("number", "value"), "tags": ("tags", "tags"),
    "vector": ("vector", "values"),
}
"""Field of an output of version 1 to the kind of answer, and its field, that took its place."""

_PARTS = ("benchmark", "metric", "arm", "slice", "axis", "group", "contrast")


def to_version_2(data: dict[str, Any]) -> dict[str, Any]:
    """An audit of version 1 as one of version 2."""
    names = {estimate["id"]: _name(estimate) for estimate in data["estimates"]}
    return {
        **data,
        "estimates": [_estimate(estimate) for estimate in data["estimates"]],
        "findings": [_finding(finding, names) for finding in data["findings"]],
        "policy": {**data["policy"], "checks": [_check(check) for check in data["policy"]["checks"]]},
        "selftest": [_reading(reading) for reading in data.get("selftest", ())],
        "evidence": {name: _evidence(item) for name, item in data["evidence"].items()},
        "verdict": _verdict(data["verdict"], data["findings"]),
    }


def _arm(parts: dict[str, Any]) -> dict[str, str]:
    """`ambiguous~typos` → arm and variant."""
    arm, _, variant = parts["arm"].partition("~")
    return {"arm": arm, "variant": variant}


def _name(parts: dict[str, Any]) -> dict[str, Any]:
    return {key: parts[key] for key in _PARTS if key in parts} | _arm(parts)


def _estimate(old: dict[str, Any]) -> dict[str, Any]:
    new = {key: value for key, value in old.items() if key not in _PARTS}
    fills = {fill: {**old[fill], "spread": _spread(old[fill])} for fill in ("at_lowest_fill", "at_highest_fill")}
    return new | fills | {
        "id": _name(old), "guard": GUARDS.get(old["metric"]), "spread": _spread(old),
        "effective_clusters": float(old["clusters"]),
    }


def _spread(old: dict[str, Any]) -> dict[str, Any] | None:
    """Only the exact spread of independent hits is what it was."""
    spread: dict[str, Any] | None = old.get("spread")
    return spread if spread is not None and spread.get("kind") == "exact" else None


def _check(old: dict[str, Any]) -> dict[str, Any]:
    return {**old, **_arm(old)}


def _finding(old: dict[str, Any], names: dict[str, dict[str, Any]]) -> dict[str, Any]:
    estimates = [names.get(name, _name(old["check"])) for name in old.get("estimates", ())]
    waived = {"status": "waived", "cause": "straddles"} if old["cause"] == "waived" else {}
    return {**old, **waived, "check": _check(old["check"]), "estimates": estimates}


def _reading(old: dict[str, Any]) -> dict[str, Any]:
    new = {key: value for key, value in old.items() if key not in _PARTS}
    return new | {"estimate": _name(old)}


def _evidence(old: dict[str, Any]) -> dict[str, Any]:
    output = old["output"]
    return {**old, "sample": _sample(old["sample"]), "output": None if output is None else _output(output)}


def _sample(old: dict[str, Any]) -> dict[str, Any]:
    return {**old, **_arm(old)} if old.get("variant") else old


def _output(output: dict[str, Any]) -> dict[str, Any]:
    """One answer in the place of a field for each kind; a text where all were empty, as of a refusing endpoint."""
    fields = {name: output.get(name) for name in (*_ANSWERS, "span", "text", "repaired")}
    kept = {name: value for name, value in output.items() if name not in fields}
    if output.get("error") is not None:
        return kept
    if fields["span"] is not None:
        return {**kept, "answer": {"kind": "span", **fields["span"]}}
    for name, (kind, field) in _ANSWERS.items():
        if fields[name] is not None:
            return {**kept, "answer": {"kind": kind, field: fields[name]}}
    text = {"kind": "text", "text": fields["text"] or "", "repaired": bool(fields["repaired"])}
    return {**kept, "answer": text}


def _verdict(old: dict[str, Any], findings: list[dict[str, Any]]) -> dict[str, Any]:
    blocking = Counter(finding["status"] for finding in findings if finding["check"]["severity"] == "block")
    new = {key: value for key, value in old.items() if key != "sentence"}
    return new | {"counts": dict(sorted(blocking.items()))}
