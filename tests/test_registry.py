"""What is installed: plugins listed, missing, registered twice and broken; libraries that a feature lacks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from auditkit import registry
from auditkit.errors import RegistryError

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    listed = [
        EntryPoint("metric.good", "json:dumps", "auditkit"),
        EntryPoint("metric.twice", "json:dumps", "auditkit"),
        EntryPoint("metric.twice", "json:loads", "auditkit"),
        EntryPoint("metric.broken", "no_such_module:thing", "auditkit"),
        EntryPoint("rule.good", "json:loads", "auditkit"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: listed)
    registry._entries.cache_clear()
    registry.get.cache_clear()
    yield
    registry._entries.cache_clear()
    registry.get.cache_clear()


@pytest.mark.usefixtures("entries")
def test_names_are_by_kind_and_import_nothing() -> None:
    assert registry.names("metric") == ["broken", "good", "twice"]
    assert registry.names("rule") == ["good"]


@pytest.mark.usefixtures("entries")
def test_get_loads_the_object_and_names_what_is_wrong() -> None:
    import json

    assert registry.get("metric", "good") is json.dumps
    with pytest.raises(RegistryError, match=r'no metric is called "god"; did you mean "good"\?.*pip install -e'):
        registry.get("metric", "god")
    with pytest.raises(RegistryError, match=r"two modules register .*json:dumps and json:loads"):
        registry.get("metric", "twice")
    with pytest.raises(RegistryError, match="cannot be imported: ModuleNotFoundError"):
        registry.get("metric", "broken")


@pytest.mark.usefixtures("entries")
def test_a_broken_plugin_is_listed_and_breaks_nothing_else() -> None:
    problems = {(plugin.kind, plugin.name): plugin.problem for plugin in registry.plugins(check=True)}
    assert problems["metric", "good"] is None
    assert problems["rule", "good"] is None
    assert "cannot be imported" in (problems["metric", "broken"] or "")
    assert "two modules" in (problems["metric", "twice"] or "")


def test_what_a_feature_lacks_is_named_with_the_command_that_adds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name == "gguf" else name)
    command = registry.FEATURES["gguf"].command
    assert registry.missing("gguf") == f"gguf is not installed; add it: {command}"
    assert registry.missing("ray") is None
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    assert registry.missing("gguf") == f"gguf and accelerate are not installed; add them: {command}"


@pytest.mark.parametrize("feature", registry.FEATURES.values(), ids=list(registry.FEATURES))
def test_a_hint_names_an_extra_that_there_is_and_no_index(feature: registry.Feature) -> None:
    extras = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = re.fullmatch(r'pip install -c constraints\.txt -e "\.\[(\w+)\]"', feature.command)
    if named is None:
        assert re.fullmatch(r"pip install --no-deps [\w-]+==[\d.]+", feature.command)
        return
    assert set(feature.modules) <= {re.split("[<>=]", line)[0] for line in extras[named[1]]}
