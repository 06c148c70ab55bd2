"""Policies that users write, and the union of the checks that packs bring."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditkit.errors import ConfigError
from auditkit.judge.policies import read_policy, united
from auditkit.schema import Benchmark, Check, MetricUse, PackChecks, Policy

CHECK = "{rule: AK201, benchmark: p, metric: m, arm: a, bound: 1}"


def share(pack: str, *rules: str, severity: str = "block") -> tuple[Benchmark, PackChecks]:
    checks = [
        {"rule": rule, "benchmark": pack, "metric": "m", "arm": "a", "bound": 1, "severity": severity} for rule in rules
    ]
    card = Benchmark(
        name=pack, version=1, title="t", measures="m", limits="l", license="CC0-1.0", source="s", citation="c",
        language="en", request="choose", rules=("label",), clusters=("template",), rows=1, sha256=pack * 64,
        metrics=(MetricUse(metric="m", arm="a"),),
    )
    return card, PackChecks.model_validate({"description": f"About\n  {pack}.", "checks": checks})


def test_the_union_does_not_depend_on_the_order_of_the_packs() -> None:
    shares = [share("b", "AK201", "AK102"), share("c", "AK101", severity="warn"), share("a", "AK201")]
    policy = united("packs", shares)
    assert policy == united("packs", shares[::-1])
    assert policy.description == "About a. About b. About c."
    assert policy.built_in
    assert [(check.rule, check.benchmark, check.rows_sha256[:2]) for check in policy.checks] == [
        ("AK102", "b", "bb"), ("AK201", "a", "aa"), ("AK201", "b", "bb"), ("AK101", "c", "cc"),
    ]
    assert united("packs", [share("d")]).checks == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"checks: [{CHECK[:-1]}, severity: warn}}]", "no check has severity: block"),
        ("checks: []", "no check has severity: block"),
        ("checks:\n  - rule: AK201\n    benchmark: p\n    metrik: m\n    arm: a\n    bound: 1",
         r'policy\.yaml:5: unknown key "checks\.0\.metrik"; did you mean "metric"'),
        (f"checks:\n- {CHECK.replace('rule: AK201, ', '')}", r'policy\.yaml:3: "checks\.0\.rule" is missing'),
        (f"checks:\n- {CHECK.replace('arm: a', 'arm: a~typos')}",
         r'policy\.yaml:3: "checks\.0\.arm".* write arm: a and, as a key beside it, variant: typos'),
        (f"checks:\n- {CHECK[:-1]}, group: g}}", r"policy\.yaml:3: .*group \"g\" needs the axis"),
        (f"checks:\n- {CHECK[:-1]}, each: [axis], slice: {{axis: age}}}}", r"policy\.yaml:3: .*leave out slice"),
        (f"checks:\n- {CHECK[:-1]}, level: 0.5}}", r'policy\.yaml:3: "checks\.0\.level".* 0\.9'),
        (f"checks:\n- {CHECK[:-1]}, level: 0.9999}}", r'policy\.yaml:3: "checks\.0\.level".* 0\.999'),
        (f"checks:\n- {CHECK[:-1]}, max_unscored: 1.5}}", r'policy\.yaml:3: "checks\.0\.max_unscored"'),
        (f"checks:\n- {CHECK[:-1]}, max_errored: -0.1}}", r'policy\.yaml:3: "checks\.0\.max_errored"'),
        (f"checks:\n- {CHECK[:-1]}, min_samples: 0}}", r'policy\.yaml:3: "checks\.0\.min_samples"'),
        (f"checks:\n- {CHECK[:-1]}, min_clusters: -3}}", r'policy\.yaml:3: "checks\.0\.min_clusters"'),
        (f"checks:\n- {CHECK.replace('bound: 1', 'bound: .nan')}", r'policy\.yaml:3: "checks\.0\.bound"'),
        (f"built_in: true\nchecks:\n- {CHECK}", r'policy\.yaml:2: "built_in": auditkit sets it'),
        (f"family: 1\nchecks:\n- {CHECK}", r'policy\.yaml:2: "family": auditkit sets it'),
    ],
)
def test_faults_of_a_policy_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(f"name: mine\n{text}\n")
    with pytest.raises(ConfigError, match=message):
        read_policy(path)


@pytest.mark.parametrize("name", ["default", "packs", "none"])
def test_no_file_bears_the_name_of_a_built_in_policy(tmp_path: Path, name: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(f"name: {name}\nchecks:\n- {CHECK}\n")
    with pytest.raises(ConfigError, match=rf'policy\.yaml:1: "name": {name} is a built-in policy'):
        read_policy(path)


def test_a_policy_that_is_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"neither built in \(default, packs, none\) nor a file"):
        read_policy(tmp_path / "absent")


def test_a_variant_is_a_key_of_the_check() -> None:
    check = Check(rule="AK103", benchmark="q", metric="m", arm="a", variant="typos", contrast="difference", bound=1)
    assert check.finding == "AK103 q/m@a~typos[difference]"


def test_the_hash_of_a_policy_is_that_of_what_was_written() -> None:
    policy = Policy(name="p", checks=(Check(rule="AK100", benchmark="q", metric="m", arm="a", bound=0.1),))
    assert policy.model_copy(update={"family": 9}).sha256 == policy.sha256
    assert policy.model_copy(update={"purpose": "pull-request"}).sha256 != policy.sha256
