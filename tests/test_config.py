"""YAML files: every fault is one line with file, line, key and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditkit.config import read_yaml
from auditkit.errors import ConfigError
from auditkit.schema import Config, Policy


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "audit.yaml"
    path.write_bytes(text.encode("utf-8"))
    return read_yaml(path, Config)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: m\nsed: 1\n", r'audit\.yaml:2: unknown key "sed"; did you mean "seed"\?'),
        ("seed: 1\n", r'audit\.yaml:1: "model" is missing; add it'),
        ("model: m\nexplain:\n  stepz: 1\n", r'audit\.yaml:3: unknown key "explain\.stepz"; .*max_steps'),
        ("model: m\nlimit: many\n", r'audit\.yaml:2: "limit": .*integer.*many'),
        ("model: m\nlimit: 0\n", r'audit\.yaml:2: "limit": .*greater than or equal to 1'),
        ("model: m\nmodel: n\n", r'audit\.yaml:2: "model" is given twice'),
        ("model: m\nno: 1\n", r'audit\.yaml:2: the key no is not text in YAML; write it as "no"'),
        ("model: m\n12: 1\n", r"audit\.yaml:2: the key 12 is not text"),
        ("", r"audit\.yaml:1: expected `key: value` lines, found nothing"),
        ("- a\n", r"audit\.yaml:1: expected `key: value` lines"),
        ("model: [\n", r"audit\.yaml:2: not valid YAML"),
        ("model: !!python/object/apply:os.system ['true']\n", r"audit\.yaml:1: not valid YAML"),
        ("model: m\nexplain: {tolerance: .nan}\n", r'audit\.yaml:2: "explain\.tolerance": .*finite'),
    ],
)
def test_faults(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_missing_file_and_wrong_encoding(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_yaml(tmp_path / "absent.yaml", Config)
    (tmp_path / "latin.yaml").write_bytes(b"model: \xe9\n")
    with pytest.raises(ConfigError, match="cannot be read as UTF-8"):
        read_yaml(tmp_path / "latin.yaml", Config)


def test_values_and_overrides(tmp_path: Path) -> None:
    path = tmp_path / "audit.yaml"
    path.write_text("model: 'übung 😀'\nseed: 0\npacks: [claims]\n", encoding="utf-8")
    config = read_yaml(path, Config, {("seed",): 7})
    assert (config.model, config.seed, config.packs) == ("übung 😀", 7, ("claims",))


def test_nested_list_faults_name_their_line(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("name: p\nchecks:\n  - rule: AK1\n    benchmark: b\n    metric: m\n    arm: a\n    bound: high\n")
    with pytest.raises(ConfigError, match=r'policy\.yaml:7: "checks\.0\.bound": .*number'):
        read_yaml(path, Policy)
