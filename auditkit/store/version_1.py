"""What an audit.json of version 1 lacks: parts of names were glued together, and guards were not recorded."""

from __future__ import annotations

from collections import Counter
from typing import Any

GUARDS: dict[str, dict[str, Any]] = {
    "ambiguous_bias_score": {"metric": "accuracy", "arm": "disambiguated", "bound": 1 / 3},
    "disambiguated_bias_score": {"metric": "accuracy", "arm": "disambiguated", "bound": 1 / 3},
    "counterfactual_flip_rate": {"metric": "accuracy", "arm": "all", "bound": 0.5},
}
"""The guards of the built-in metrics in version 1; without them a judged audit would pass what was withheld."""

_PARTS = ("benchmark", "metric", "arm", "slice", "axis", "group", "contrast")


def named(data: dict[str, Any]) -> dict[str, Any]:
    """An audit of version 1 whose estimates, checks, findings and readings are named as in version 2."""
    names = {estimate["id"]: _name(estimate) for estimate in data["estimates"]}
    return {
        **data,
        "estimates": [_estimate(estimate) for estimate in data["estimates"]],
        "findings": [_finding(finding, names) for finding in data["findings"]],
        "policy": {**data["policy"], "checks": [_check(check) for check in data["policy"]["checks"]]},
        "selftest": [_reading(reading) for reading in data.get("selftest", ())],
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
    return new | {"id": _name(old), "guard": GUARDS.get(old["metric"])}


def _check(old: dict[str, Any]) -> dict[str, Any]:
    return {**old, **_arm(old)}


def _finding(old: dict[str, Any], names: dict[str, dict[str, Any]]) -> dict[str, Any]:
    estimates = [names.get(name, _name(old["check"])) for name in old.get("estimates", ())]
    return {**old, "check": _check(old["check"]), "estimates": estimates}


def _reading(old: dict[str, Any]) -> dict[str, Any]:
    new = {key: value for key, value in old.items() if key not in _PARTS}
    return new | {"estimate": _name(old)}


def sample(old: dict[str, Any]) -> dict[str, Any]:
    """A sample of version 1, whose arm held the variant too."""
    return {**old, **_arm(old)} if old.get("variant") else old


def _verdict(old: dict[str, Any], findings: list[dict[str, Any]]) -> dict[str, Any]:
    blocking = Counter(finding["status"] for finding in findings if finding["check"]["severity"] == "block")
    new = {key: value for key, value in old.items() if key != "sentence"}
    return new | {"counts": dict(sorted(blocking.items()))}
