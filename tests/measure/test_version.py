"""A metric's version follows all source that makes its number, by whatever import it is reached, and nothing else."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import auditkit.measure
from auditkit.measure.metrics.entities import entity_f1
from auditkit.measure.metrics.regression import spearman_correlation
from auditkit.measure.version import closure, source_hash

METRIC = '''"""Module."""
from auditkit.measure.definition import metric
IMPORT


@metric("plugin", range=(0, 1), direction="lower")
def plugin(sample, output):
    """Docstring."""
    return USE
'''
FORMS = {
    "from package.module import name": ("from PACKAGE.rules import rule", "rule(output)"),
    "from package.module import name as other": ("from PACKAGE.rules import rule as other", "other(output)"),
    "from package.module import *": ("from PACKAGE.rules import *", "rule(output)"),
    "import package.module": ("import PACKAGE.rules", "PACKAGE.rules.rule(output)"),
    "import package.module as other": ("import PACKAGE.rules as other", "other.rule(output)"),
    "from package import module": ("from PACKAGE import rules", "rules.rule(output)"),
    "from package import module as other": ("from PACKAGE import rules as other", "other.rule(output)"),
    "import package": ("import PACKAGE", "PACKAGE.rules.rule(output)"),
    "from . import module": ("from . import rules", "rules.rule(output)"),
    "from .module import name": ("from .rules import rule", "rule(output)"),
    "a name that a package hands on": ("from PACKAGE.handing import rule", "rule(output)"),
    "a package as a module": ("from PACKAGE import handing", "handing.rule(output)"),
}
LAZY = "from PACKAGE.rules import rule\n    return rule(output)"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def written(folder: Path, name: str, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = folder / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("PACKAGE", name), encoding="utf-8")


def package(imported: str, use: str) -> dict[str, str]:
    """A package whose metric reaches `deep.py` through `rules.py`."""
    return {
        "__init__.py": "",
        "metrics.py": METRIC.replace("IMPORT", imported).replace("USE", use),
        "rules.py": "from PACKAGE import deep\n\n\ndef rule(output):\n    return deep.value(output)\n",
        "deep.py": "def value(output):\n    return 1\n",
        "handing/__init__.py": "from PACKAGE.rules import rule\n",
        "unrelated.py": "LIMIT = 1\n",
    }


def version(folder: Path, name: str) -> str:
    """As a process that begins now would compute it."""
    importlib.invalidate_caches()
    for loaded in [loaded for loaded in sys.modules if loaded.partition(".")[0] == name]:
        del sys.modules[loaded]
    return str(importlib.import_module(f"{name}.metrics").plugin.version)


@pytest.mark.parametrize("form", FORMS)
def test_a_change_behind_any_import_changes_the_version(form: str, folder: Path) -> None:
    name, (imported, use) = "reached", FORMS[form]
    written(folder, name, package(imported, use))
    first = version(folder, name)
    for file, text in (("rules.py", "deep.value(output) + 1"), ("deep.py", "2")):
        changed = package(imported, use)
        changed[file] = changed[file].rpartition("return ")[0] + f"return {text}\n"
        written(folder, name, changed)
        assert version(folder, name) != first, file
    written(folder, name, {**package(imported, use), "unrelated.py": "LIMIT = 2\n"})
    if form != "import package":  # there any module of the package may be meant
        assert version(folder, name) == first


def test_imports_inside_functions_count(folder: Path) -> None:
    written(folder, "lazy", package("", "0"))
    lazy = METRIC.replace("IMPORT", "").replace("return USE", LAZY)
    written(folder, "lazy", {"metrics.py": lazy})
    first = version(folder, "lazy")
    written(folder, "lazy", {"deep.py": "def value(output):\n    return 2\n"})
    assert version(folder, "lazy") != first


def test_comments_docstrings_and_spaces_do_not_count_but_spaces_in_texts_do(folder: Path) -> None:
    files = package("", "1 if output else 'no  answer'")
    written(folder, "plain", files)
    first = version(folder, "plain")
    source = files["metrics.py"]
    commented = source.replace("Docstring", "Other words").replace("\n\n\n", "\n\n\n# reason\n\n")
    written(folder, "plain", {"metrics.py": commented.replace("(sample, output)", "(sample,   output)")})
    assert version(folder, "plain") == first
    written(folder, "plain", {"metrics.py": source.replace("no  answer", "no answer")})
    assert version(folder, "plain") != first


def test_a_metric_without_a_file_has_the_version_of_its_own_source() -> None:
    namespace: dict[str, object] = {"__name__": "nowhere"}
    exec(METRIC.replace("IMPORT", "").replace("USE", "0"), namespace)
    assert len(str(namespace["plugin"].version)) == 8  # type: ignore[attr-defined]


def test_the_built_in_metrics_count_what_makes_their_number() -> None:
    """`entity_f1` kept its version when the decoding of spans was emptied: it imports that module as a module."""
    modules = closure(entity_f1.function.__module__)
    assert {"auditkit.measure.scorers.entities", "auditkit.measure.metrics.f1"} <= set(modules)
    assert "auditkit.stats.ranks" in closure(spearman_correlation.function.__module__)
    assert "auditkit.stats.ranks" not in modules
    framing = {"auditkit.measure.definition", "auditkit.schema.estimate", "auditkit.stats.corpus", "auditkit.errors"}
    assert not framing & set(modules)


@pytest.mark.parametrize(
    "module", [name for name in closure(entity_f1.function.__module__) if name.startswith("auditkit.measure.")]
)
def test_a_change_of_any_module_of_measure_that_a_metric_needs_is_noticed(module: str, folder: Path) -> None:
    """In a copy of `measure` under another name."""
    source = Path(str(auditkit.measure.__file__)).parent
    shutil.copytree(source, folder / "copied" / "measure", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "copied" / "__init__.py").touch()
    for file in (folder / "copied").rglob("*.py"):
        text = file.read_text(encoding="utf-8").replace("auditkit.measure", "copied.measure")
        file.write_text(text, encoding="utf-8")
    first = source_hash("copied.measure.metrics.entities")
    file = folder.joinpath(*module.replace("auditkit", "copied").split(".")).with_suffix(".py")
    file.write_text(file.read_text(encoding="utf-8") + "\n_CHANGED = True\n", encoding="utf-8")
    assert source_hash("copied.measure.metrics.entities") != first
