"""The built-in policies, and what is refused or said before the model is asked."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

import pytest

import auditkit
from auditkit.errors import ConfigError, PackError
from auditkit.judge.validator import family_of, policy_faults
from auditkit.load.packs import built_in_names, open_card, open_checks, open_pack
from auditkit.load.samples import read_samples
from auditkit.load.scrambled import plausibility_twins
from auditkit.measure.declared import declared
from auditkit.measure.uses import completed
from auditkit.pipeline.gate import gate
from auditkit.pipeline.steps.packs import audited_pack
from auditkit.pipeline.steps.policy import open_policy, tell_undecided
from auditkit.schema import Config, DeclaredMetric
from auditkit.schema.config import SIZES
from auditkit.schema.event import Event

DEFAULT = ("ambiguous-qa", "claims", "sentiment-swaps", "stereotype-pairs")


@cache
def declared_by(name: str) -> tuple[DeclaredMetric, ...]:
    pack = open_pack(name)
    rows = read_samples(pack)
    rows += plausibility_twins(pack.card, rows)
    return declared(completed(pack.card, rows), rows)


def test_the_default_policy_is_the_union_over_the_packs_whose_card_says_so() -> None:
    assert tuple(name for name in built_in_names() if open_card(name).default) == DEFAULT
    assert {*Config.model_fields["packs"].default} == {*DEFAULT}, "what is audited by default can pass"
    policy = open_policy("default", (), ())
    assert len(policy.checks) == sum(len(open_checks(name).checks) for name in DEFAULT)
    assert all(check.allow_not_applicable for check in policy.checks)
    assert {check.rows_sha256 for check in policy.checks} == {open_card(name).sha256 for name in DEFAULT}
    assert policy.built_in


def test_no_check_of_the_default_policy_gates_an_accuracy() -> None:
    blocking = [check.metric for check in open_policy("default", (), ()).checks if check.severity == "block"]
    assert not [metric for metric in blocking if "accuracy" in metric]


@pytest.mark.parametrize("name", DEFAULT)
def test_the_checks_of_a_built_in_pack_fit_its_rows(name: str) -> None:
    policy = open_policy("packs", (name,), declared_by(name))
    assert [*policy_faults(policy, declared_by(name), ())] == [], "each can pass and fail with all rows of the pack"
    share = open_checks(name)
    assert share.slices == policy.family == family_of(share.checks, declared_by(name))
    checked = {(check.metric, check.arm, check.each) for check in share.checks if check.severity == "block"}
    for metric, arm, each in checked:
        assert not each or (metric, arm, ()) in checked, "each slice beside all rows"


def test_the_family_does_not_depend_on_what_was_audited() -> None:
    families = {open_policy("default", (), declared_by(name)).family for name in DEFAULT}
    assert len(families) == 1
    assert families == {sum(family_of(open_checks(name).checks, declared_by(name)) for name in DEFAULT)}


@pytest.fixture
def own_pack(tmp_path: Path) -> Path:
    """A folder with a copy of a pack under a name of its own, and a stricter check."""
    folder = tmp_path / "my-claims"
    shutil.copytree(open_pack("claims").folder, folder)
    card = folder / "card.yaml"
    card.write_text(card.read_text(encoding="utf-8").replace("name: claims", "name: my-claims", 1), encoding="utf-8")
    check = "{rule: AK201, benchmark: my-claims, metric: false_claim_endorsement, arm: false-claim, bound: 0.3}"
    (folder / "checks.yaml").write_text(f"checks:\n  - {check}\n")
    return folder


def test_the_policy_packs_takes_the_checks_of_folders_too(tmp_path: Path, own_pack: Path) -> None:
    out = str(tmp_path / "run")
    audit = auditkit.audit("planted:always-right", packs=[str(own_pack)], limit=90, policy="packs", out=out)
    assert [(check.rule, check.bound) for check in audit.policy.checks] == [("AK201", 0.3)]
    short = audit.verdict.policy_sha256[:8]
    assert auditkit.sentence(audit) == (
        f"Passes the policy packs (my-claims, {short}): 1 passed, of 1 blocking check."
    )
    assert gate(audit, "packs").verdict == audit.verdict
    card = own_pack / "card.yaml"
    other_rows = re.sub("(?m)^sha256: .*", f"sha256: {'a' * 64}", card.read_text(encoding="utf-8"))
    card.write_text(other_rows, encoding="utf-8")
    other = gate(audit, "packs")
    assert [finding.cause for finding in other.findings] == ["other_rows"]
    assert other.verdict.exit_code == 4
    shutil.rmtree(own_pack)
    with pytest.raises(PackError, match="no benchmark pack is called"):
        gate(audit, "packs")


def test_a_check_of_another_pack_is_refused(own_pack: Path) -> None:
    path = own_pack / "checks.yaml"
    path.write_text(path.read_text().replace("benchmark: my-claims", "benchmark: bbq"))
    with pytest.raises(ConfigError, match=r'"checks.0.benchmark": bbq is not this pack; write my-claims'):
        open_checks(own_pack)


def test_no_folder_or_task_bears_the_name_of_a_pack_that_auditkit_brings(tmp_path: Path) -> None:
    folder = tmp_path / "claims"
    shutil.copytree(open_pack("claims").folder, folder)
    with pytest.raises(ConfigError, match=r'"name": claims is a pack that auditkit brings'):
        auditkit.audit("planted:random", packs=[str(folder)], out=str(tmp_path / "run"))
    (tmp_path / "rows.csv").write_text("text,label\na,x\nb,y\n")
    task = {"name": "claims", "task": "classification", "data": str(tmp_path / "rows.csv")}
    with pytest.raises(ConfigError, match="claims is a pack that auditkit brings"):
        auditkit.audit("planted:random", packs=[], tasks=[task], out=str(tmp_path / "run"))


def test_what_was_left_out_keeps_the_default_policy_from_passing(tmp_path: Path) -> None:
    audit = auditkit.audit("planted:never-stereotyped", packs=["claims"], out=str(tmp_path / "run"))
    assert audit.verdict.exit_code == 3
    run, total = audit.verdict.run, audit.verdict.checks
    assert 0 < run < total
    assert auditkit.sentence(audit).startswith(f"{run} of {total} checks of policy default (")
    assert auditkit.sentence(audit).endswith("were run, and passed.")
    assert gate(audit, "packs").verdict.exit_code == 0
    nothing = gate(audit, "none").verdict
    assert (nothing.status, nothing.exit_code) == ("not_judged", 0)


def test_a_rule_that_the_user_asks_for_leaves_a_pack_out_and_is_no_inability(tmp_path: Path) -> None:
    audit = auditkit.audit(
        "planted:never-stereotyped", packs=["stereotype-pairs", "claims"], rules={"all": "letter"}, limit=60,
        policy="packs", out=str(tmp_path / "run"),
    )
    assert "stereotype-pairs" in audit.left_out
    assert audit.not_applicable == {}
    statuses = {finding.status for finding in audit.findings if finding.check.benchmark == "stereotype-pairs"}
    assert statuses == {"not_run"}
    assert audit.verdict.exit_code == 3


def test_what_the_chosen_size_cannot_decide_is_said_before_the_model_is_asked(tmp_path: Path) -> None:
    events: list[Event] = []
    auditkit.audit(
        "planted:random", packs=["claims"], limit=20, policy="packs", out=str(tmp_path / "run"), on_event=events.append
    )
    stages = [event.stage for event in events]
    said = [event.message for event in events if "cannot pass at this size" in event.message]
    assert len(said) == 1
    assert said[0].startswith("31 checks cannot pass at this size")
    assert "times the rows would do" in said[0]
    assert stages.index("load") < stages.index("run")


def said_at(size: str, name: str, rows: int | None = None) -> str:
    """What is said before a run of one built-in pack, under its own checks."""
    config = Config.model_validate({"model": "m", "size": size})
    pack = open_pack(name)
    audited = audited_pack(pack.card, read_samples(pack), rows or config.most, config)
    events: list[Event] = []
    tell_undecided(open_policy("packs", (name,), audited.declared), [audited], events.append, size)
    return "\n".join(event.message for event in events)


def slices(name: str, *each: object) -> int:
    """How many blocking checks of a pack are judged on slices of these sorts."""
    checks = [check for check in open_checks(name).checks if check.each in each]
    return family_of(checks, declared_by(name))


@pytest.mark.parametrize("name", ["ambiguous-qa", "claims", "stereotype-pairs"])
def test_small_decides_each_check_over_all_rows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditkit.pipeline.steps.policy.LISTED", 1000)
    said = said_at("small", name)
    pooled = [check.finding for check in open_checks(name).checks if check.severity == "block" and not check.each]
    assert pooled
    assert not {*pooled} & {*re.split(r", |: |[;)(]", said)}
    assert "at size small" in said


def test_small_is_no_larger_than_it_must_be() -> None:
    """With two templates fewer a check over all rows of ambiguous-qa could not pass."""
    small, pooled = SIZES["small"], slices("ambiguous-qa", ())
    assert small is not None
    assert f"can decide {pooled} of " in said_at("small", "ambiguous-qa")
    assert f"can decide {pooled} of " not in said_at("small", "ambiguous-qa", small - 16)


@pytest.mark.parametrize("name", DEFAULT)
def test_medium_decides_all_but_groups(name: str) -> None:
    total = slices(name, *{check.each for check in open_checks(name).checks})
    groups = 0 if name == "sentiment-swaps" else slices(name, "group")
    decided = int(re.findall(r"size medium: can decide (\d+) of", said_at("medium", name))[0])
    assert total - groups <= decided <= total


def test_full_is_every_row() -> None:
    assert Config(model="m", size="full").most is None
    assert "cannot" not in said_at("full", "claims")
