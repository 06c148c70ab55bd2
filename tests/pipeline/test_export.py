"""A run's answers as saved predictions give the run's estimates again; the configuration may name the rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import auditkit
from auditkit.cli.audit import command
from auditkit.cli.settings import read_config
from auditkit.errors import ConfigError, ModelError, UsageError
from auditkit.pipeline.export import export_predictions
from auditkit.schema import Audit

ALL = ("stereotype-pairs", "ambiguous-qa", "claims")


def audit(tmp_path: Path, model: str, name: str, packs: tuple[str, ...] = ALL, **settings: Any) -> Audit:
    return auditkit.audit(model, packs=packs, limit=60, out=str(tmp_path / name), **settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "rules"),
    [("random", {}), ("half-and-half", {"claims": "label"}), ("crashing", {})],
)
def test_the_same_estimates_follow_from_the_file(tmp_path: Path, behaviour: str, rules: dict[str, str]) -> None:
    first = audit(tmp_path, f"planted:{behaviour}", "run", rules=rules)
    count = export_predictions(tmp_path / "run", tmp_path / "saved.jsonl")
    # of each pair the answer to its scrambled twin too
    assert count == sum(rows for rows, _ in first.sampled.values()) + first.sampled["stereotype-pairs"][0]
    again = audit(tmp_path, f"predictions:{tmp_path / 'saved.jsonl'}", "again")
    assert again.rules == first.rules
    assert again.estimates == first.estimates


def test_a_refusal_of_the_provider_stays_one(tmp_path: Path) -> None:
    """`refusing` says so by its finish reason as well, as a provider's filter does."""
    packs = ("ambiguous-qa",)
    first = audit(tmp_path, "planted:refusing", "run", packs, rules={"all": "letter"})
    export_predictions(tmp_path / "run", tmp_path / "saved.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "saved.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {tuple(line) for line in lines} == {("id", "refused", "rule")}
    (tmp_path / "saved.jsonl").write_text(
        "".join(json.dumps({**line, "refused": ""}) + "\n" for line in lines), encoding="utf-8"
    )
    again = audit(tmp_path, f"predictions:{tmp_path / 'saved.jsonl'}", "again", packs)
    assert again.estimates == first.estimates
    assert set(again.estimates[0].unscored) == {"refused"}


def test_only_jsonl_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"name a \.jsonl file"):
        export_predictions(tmp_path, tmp_path / "saved.csv")


@pytest.mark.slow
def test_a_rule_is_that_of_the_card_or_an_error(tmp_path: Path) -> None:
    found = audit(tmp_path, "planted:random", "letters", rules={"all": "letter", "stereotype-pairs": "loglikelihood"})
    assert found.rules == {"stereotype-pairs": "loglikelihood", "ambiguous-qa": "letter", "claims": "letter"}
    assert found.estimates[-1].signature["rule"] == "letter"
    left = audit(tmp_path, "planted:random", "left", rules={"all": "letter"})
    assert set(left.rules) == {"ambiguous-qa", "claims"}
    assert left.left_out == {
        "stereotype-pairs": "the pack accepts loglikelihood or pseudo_loglikelihood, and not the rule letter that was "
        "asked for"
    }
    with pytest.raises(ConfigError, match='rules: claims: no rule "letters" is accepted; choose one of: loglikelihood'):
        audit(tmp_path, "planted:random", "x", rules={"claims": "letters"})
    with pytest.raises(ConfigError, match='rules: "claim" is not audited; packs: stereotype-pairs'):
        audit(tmp_path, "planted:random", "x", rules={"claim": "letter"})


def test_saved_answers_have_the_rule_that_made_them(tmp_path: Path) -> None:
    audit(tmp_path, "planted:random", "run", ("claims",))
    export_predictions(tmp_path / "run", tmp_path / "saved.jsonl")
    with pytest.raises(ModelError, match='were made by the rule "loglikelihood", not by letter'):
        audit(tmp_path, f"predictions:{tmp_path / 'saved.jsonl'}", "x", ("claims",), rules={"claims": "letter"})


def test_rules_on_the_command_line_override_the_file(tmp_path: Path) -> None:
    file = tmp_path / "audit.yaml"
    file.write_text("model: smollm2\nrules: {claims: letter, all: loglikelihood}\n", encoding="utf-8")
    options = command.make_context("audit", ["--rule", "label", "--rule", "ambiguous-qa=letter"]).params
    config = read_config(options.pop("model"), file, {k: v for k, v in options.items() if v and k != "config_file"})
    assert config.rules == {"claims": "letter", "all": "label", "ambiguous-qa": "letter"}
