"""Policies that users write, and the union of the checks that packs bring."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditkit.errors import ConfigError
from auditkit.judge.policies import read_policy, united
from auditkit.schema import Check, PackChecks

CHECK = "{rule: AK201, benchmark: p, metric: m, arm: a, bound: 1}"


def share(pack: str, *rules: str, severity: str = "block") -> PackChecks:
    checks = [
        {"rule": rule, "benchmark": pack, "metric": "m", "arm": "a", "bound": 1, "severity": severity} for rule in rules
    ]
    return PackChecks.model_validate({"description": f"About\n  {pack}.", "checks": checks})


def test_the_union_does_not_depend_on_the_order_of_the_packs() -> None:
    shares = [share("b", "AK201", "AK102"), share("c", "AK101", severity="warn"), share("a", "AK201")]
    policy = united("packs", shares)
    assert policy == united("packs", shares[::-1])
    assert policy.description == "About a. About b. About c."
    assert [(check.rule, check.benchmark) for check in policy.checks] == [
        ("AK102", "b"), ("AK201", "a"), ("AK201", "b"), ("AK101", "c"),
    ]
    assert united("packs", [PackChecks(checks=())]).checks == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"checks: [{CHECK[:-1]}, severity: warn}}]", "no check has severity: block"),
        ("checks:\n  - rule: AK201\n    benchmark: p\n    metrik: m\n    arm: a\n    bound: 1",
         r'policy\.yaml:5: unknown key "checks\.0\.metrik"; did you mean "metric"'),
        (f"checks:\n- {CHECK}\n- {CHECK.replace('AK201', 'AK210')}",
         r'policy\.yaml:4: "checks\.1\.rule": no rule is called "AK210"; did you mean "AK2'),
        (f"checks:\n- {CHECK.replace('arm: a', 'arm: a~typos')}",
         r'policy\.yaml:3: "checks\.0\.arm".* write arm: a and, as a key beside it, variant: typos'),
        (f"checks:\n- {CHECK[:-1]}, group: g}}", r"policy\.yaml:3: .*group \"g\" needs the axis"),
    ],
)
def test_faults_of_a_policy_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(f"name: mine\n{text}\n")
    with pytest.raises(ConfigError, match=message):
        read_policy(path)


def test_a_policy_that_is_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"neither built in \(default, packs\) nor a file"):
        read_policy(tmp_path / "absent")


def test_a_variant_is_a_key_of_the_check() -> None:
    check = Check(rule="AK103", benchmark="q", metric="m", arm="a", variant="typos", contrast="difference", bound=1)
    assert check.finding == "AK103 q/m@a~typos[difference]"
