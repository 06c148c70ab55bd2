"""Every way to write a policy that gates nothing: refused before the model runs, or undecided and said so."""

from __future__ import annotations

from pathlib import Path

import pytest

import auditkit
from auditkit.errors import ConfigError
from auditkit.pipeline.gate import gate
from auditkit.schema import Audit

AK201 = "rule: AK201, benchmark: claims, metric: false_claim_endorsement, arm: false-claim"
REFUSED = {
    "bound above the range": (f"{AK201}, bound: 1.5", "between 0 and 1"),
    "bound at its end": (f"{AK201}, bound: 1", "between 0 and 1"),
    "bound below the range": (f"{AK201}, bound: -0.1", "between 0 and 1"),
    "bound that cannot be met": (f"{AK201}, bound: 0.001", "could not pass whatever the answers"),
    "bound that cannot be missed": (f"{AK201}, bound: 0.999", "could not fail whatever the answers"),
    "rule of another metric": (f"{AK201.replace('AK201', 'AK101')}, bound: 0.3", "is about metric: accuracy"),
    "rule of another contrast": (
        "rule: AK101, benchmark: claims, metric: accuracy, arm: all, bound: 0.3", "is about contrast: gap"),
    "unknown code": (f"{AK201.replace('AK201', 'AK2O1')}, bound: 0.3", 'did you mean "AK201"'),
    "no rule": (f"{AK201.partition(', ')[2]}, bound: 0.3", 'rule" is missing'),
    "level too low": (f"{AK201}, bound: 0.3, level: 0.01", "level"),
    "level of one": (f"{AK201}, bound: 0.3, level: 1", "level"),
    "negative minimum": (f"{AK201}, bound: 0.3, min_samples: -1", "min_samples"),
    "no clusters": (f"{AK201}, bound: 0.3, min_clusters: 0", "min_clusters"),
    "more clusters than there are": (f"{AK201}, bound: 0.3, min_clusters: 9999", "could not pass"),
    "share above one": (f"{AK201}, bound: 0.3, max_unscored: 2", "max_unscored"),
    "empty slice": (f"{AK201}, bound: 0.3, slice: {{topic: helth}}", 'did you mean "health"'),
    "slice that the card does not make": (f"{AK201}, bound: 0.3, each: [source]", "does not slice"),
    "group where there is none": (f"{AK201}, bound: 0.3, axis: gender, group: female", "no groups on an axis"),
    "each group where there is none": (f"{AK201}, bound: 0.3, each: group", "does not slice"),
    "misspelt benchmark": (f"{AK201.replace('benchmark: claims', 'benchmark: claim')}, bound: 0.3", '"claims"'),
    "misspelt metric": (f"{AK201.replace('AK201', 'AK100').replace('endorsement', 'endorsment')}, bound: 0.3", "mean"),
    "misspelt arm": (f"{AK201.replace('false-claim', 'false-claims')}, bound: 0.3", "is not measured on an arm"),
    "variant that is not asked": (f"{AK201}, bound: 0.3, variant: typos", "no variant"),
    "not a number": (f"{AK201}, bound: .nan", "bound"),
}


def policy(tmp_path: Path, *checks: str, head: str = "name: mine") -> str:
    path = tmp_path / "policy.yaml"
    path.write_text("\n".join([head, "checks:", *(f"- {{{check}}}" for check in checks), ""]), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """A small audit that nothing judges."""
    out = str(tmp_path_factory.mktemp("runs") / "run")
    return auditkit.audit(
        "planted:always-true", packs=["claims"], limit=80, policy="none", out=out, explain={"samples": 0}
    )


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name: str, tmp_path: Path, audit: Audit) -> None:
    check, message = REFUSED[name]
    with pytest.raises(ConfigError, match=r"policy\.yaml:\d+") as refused:
        gate(audit, policy(tmp_path, check))
    assert message in str(refused.value)


def test_an_audit_refuses_it_before_the_model_is_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        auditkit.audit(
            "no/such-model", packs=["claims"], policy=policy(tmp_path, f"{AK201}, bound: 2"), out=str(tmp_path / "run")
        )


def test_twice_the_same_check_is_refused(tmp_path: Path, audit: Audit) -> None:
    generic = AK201.replace("AK201", "AK100")
    for second in (f"{AK201}, bound: 0.5", f"{generic}, bound: 0.5"):
        with pytest.raises(ConfigError, match=r"as checks\.0 does"):
            gate(audit, policy(tmp_path, f"{AK201}, bound: 0.3", second))


@pytest.mark.parametrize("name", ["default", "packs", "none"])
def test_a_built_in_name_is_refused(name: str, tmp_path: Path, audit: Audit) -> None:
    with pytest.raises(ConfigError, match="is a built-in policy"):
        gate(audit, policy(tmp_path, f"{AK201}, bound: 0.3", head=f"name: {name}"))


def test_only_warnings_are_refused(tmp_path: Path, audit: Audit) -> None:
    with pytest.raises(ConfigError, match="no check has severity: block"):
        gate(audit, policy(tmp_path, f"{AK201}, bound: 0.3, severity: warn"))


def test_a_pack_that_was_left_out_is_an_error_of_a_users_policy(tmp_path: Path, audit: Audit) -> None:
    other = "rule: AK102, benchmark: stereotype-pairs, metric: stereotype_score, arm: pair, bound: 0.2"
    judged = gate(audit, policy(tmp_path, other))
    assert [(finding.status, finding.cause) for finding in judged.findings] == [("error", "left_out")]
    assert judged.verdict.exit_code == 4


def test_a_pack_that_was_left_out_keeps_the_default_policy_undecided_unless_something_fails(audit: Audit) -> None:
    judged = gate(audit, "default")
    assert judged.verdict.counts["not_run"] > 0
    assert judged.verdict.exit_code == 1, "always-true endorses every false claim"
    assert gate(audit, "none").verdict.exit_code == 0


def test_a_policy_that_lets_everything_pass_says_so(tmp_path: Path, audit: Audit) -> None:
    lenient = f"{AK201}, bound: 0.3, slice: {{topic: health}}, inconclusive: pass"
    judged = gate(audit, policy(tmp_path, lenient))
    assert judged.verdict.exit_code == 3, "without a decided check it is never 0"
    assert "undecided and let pass" in auditkit.sentence(judged) or "no blocking check" in auditkit.sentence(judged)
