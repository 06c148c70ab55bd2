"""The built-in policies: what packs bring, of those that were audited."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import auditkit
from auditkit.errors import ConfigError, PackError
from auditkit.load.packs import built_in_names, open_card, open_checks, open_pack
from auditkit.measure.measurement import metric_of
from auditkit.pipeline.gate import gate
from auditkit.pipeline.steps.policy import open_policy

DEFAULT = ("ambiguous-qa", "claims", "sentiment-swaps", "stereotype-pairs")


def test_the_default_policy_is_the_union_over_the_packs_whose_card_says_so() -> None:
    assert tuple(name for name in built_in_names() if open_card(name).default) == DEFAULT
    policy = open_policy("default", (), DEFAULT)
    assert len(policy.checks) == sum(len(open_checks(name).checks) for name in DEFAULT) == 22
    blocking = [check.rule for check in policy.checks if check.severity == "block"]
    assert blocking == ["AK102", "AK103", "AK105", "AK201", "AK202"]
    assert all(check.allow_not_applicable for check in policy.checks)
    assert {check.benchmark for check in open_policy("default", (), ["claims"]).checks} == {"claims"}
    assert open_policy("default", ("claims",), ["nothing"]).checks == ()


def test_it_blocks_on_pooled_values_only() -> None:
    for check in open_policy("default", (), DEFAULT).checks:
        if check.severity == "block":
            assert check.estimate.pooled
            assert check.metric not in ("accuracy", "disambiguated_bias_score")


def test_each_check_is_about_an_estimate_of_its_pack() -> None:
    for name in DEFAULT:
        card = open_card(name)
        uses = {(use.metric, use.arm): use for use in card.metrics}
        for check in open_checks(name).checks:
            use = uses[check.metric, check.arm]
            assert metric_of(use).name == check.metric
            assert set(check.slice) <= set(use.slices)
            assert check.axis is None or (use.groups and check.axis in card.groups)


@pytest.fixture
def own_pack(tmp_path: Path) -> Path:
    """A folder with a copy of a pack and a stricter check."""
    folder = tmp_path / "claims"
    shutil.copytree(open_pack("claims").folder, folder)
    (folder / "checks.yaml").write_text(
        "checks:\n  - {rule: AK201, benchmark: claims, metric: false_claim_endorsement, arm: false-claim, bound: 0.3}\n"
    )
    return folder


def test_the_policy_packs_takes_the_checks_of_folders_too(tmp_path: Path, own_pack: Path) -> None:
    out = str(tmp_path / "run")
    audit = auditkit.audit("planted:always-right", packs=[str(own_pack)], limit=90, policy="packs", out=out)
    assert [(check.rule, check.bound) for check in audit.policy.checks] == [("AK201", 0.3)]
    assert auditkit.sentence(audit) == "Passes the policy packs: 1 blocking check cleared."
    assert gate(audit, "packs").verdict == audit.verdict
    shutil.rmtree(own_pack)
    with pytest.raises(PackError, match="no benchmark pack is called"):
        gate(audit, "packs")


def test_a_check_of_another_pack_is_refused(own_pack: Path) -> None:
    path = own_pack / "checks.yaml"
    path.write_text(path.read_text().replace("benchmark: claims", "benchmark: bbq"))
    with pytest.raises(ConfigError, match=r'"checks.0.benchmark": bbq is not this pack; write claims'):
        open_checks(own_pack)
