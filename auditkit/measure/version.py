"""The version of a metric: a hash over the source that makes its number.

Two numbers are compared only if their metrics have one version (`metric@version` in the signature). What changes the
number, and so the version:

- the metric's own module, and every module that it imports, directly or through others, by whatever form of import,
  as far as it lies in the metric's own package or in auditkit;
- of auditkit only what reads answers, scores them, and computes a corpus statistic's value.

What does not: the records (`schema`, but for the answer itself), the frame around a metric (`definition`, the forms for
evaluate, `errors`), and in `stats` all that makes the interval of a value. Comments, docstrings and spaces do not count
either.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any

_HOUSE = "auditkit"
_FRAME = ("auditkit.config", "auditkit.errors", "auditkit.measure.definition", "auditkit.measure.evaluate_export",
          "auditkit.measure.evaluate_form", "auditkit.measure.version", "auditkit.registry", "auditkit.schema",
          "auditkit.stats")
"""Modules, and packages with all in them, that no number depends on …"""
_IN_FRAME_BUT_COUNTED = ("auditkit.schema.answer", "auditkit.schema.output", "auditkit.schema.thinking",
                         "auditkit.stats.ranks", "auditkit.stats.weighted")
"""… but for these."""


@dataclass(frozen=True)
class _Import:
    """One imported name."""

    module: str
    """Absolute, after `from` or `import`."""
    name: str | None
    """What is taken from it; `None` for the module itself, `*` for everything."""
    bound: str
    """What it is called after that."""


def metric_version(function: Callable[..., Any]) -> str:
    """8 hex digits for the metric of a function: of its module, or where that has no file (a notebook) of itself."""
    home = inspect.getmodule(function)
    if home is not None and _file(home.__name__) is not None:
        return source_hash(home.__name__)[:8]
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        source = ""
    return hashlib.sha256(_code(source).encode()).hexdigest()[:8]


def source_hash(name: str) -> str:
    """64 hex digits over a module and all that its number depends on."""
    return hashlib.sha256("\0".join(_code(_source(module)) for module in closure(name)).encode()).hexdigest()


def closure(name: str) -> list[str]:
    """The module and the modules that its number depends on, sorted."""
    root = name.partition(".")[0]
    waiting, reached = [name], {name}
    while waiting:
        module = waiting.pop()
        for item in _imports(module):
            if item.module.partition(".")[0] not in (_HOUSE, root):
                continue
            for target in _targets(item):
                if target not in reached and _counts(target):
                    reached.add(target)
                    waiting.append(target)
    return sorted(reached)


def _counts(name: str) -> bool:
    return name in _IN_FRAME_BUT_COUNTED or not any(name == part or name.startswith(f"{part}.") for part in _FRAME)


def _targets(item: _Import) -> Iterator[str]:
    """The modules that an import reaches: for `from package import name` the one that holds the name."""
    if item.name in (None, "*"):
        yield from _with_inside(item.module)
    elif _file(f"{item.module}.{item.name}") is not None:
        yield from _with_inside(f"{item.module}.{item.name}")
    else:
        # a package that hands on a name from another module counts as that module, not as all that it hands on
        handed_on = _imports(item.module) if _inside(item.module) else ()
        source = next((other for other in handed_on if other.bound == item.name and other.module != item.module), None)
        yield from [item.module] if source is None else _targets(source)


def _with_inside(name: str) -> Iterator[str]:
    """A module; of a package everything in it, since an attribute of it may be any of its modules."""
    yield name
    for inner in _inside(name):
        yield from _with_inside(inner)


def _is_package(name: str) -> bool:
    file = _file(name)
    return hasattr(sys.modules.get(name), "__path__") or (file is not None and file.name == "__init__.py")


def _inside(name: str) -> list[str]:
    """Modules and packages directly in a package; none for a module."""
    file = _file(name)
    if file is None or file.name != "__init__.py":
        return []
    modules = {path.stem for path in file.parent.glob("*.py")} - {"__init__", "__main__"}
    packages = {path.parent.name for path in file.parent.glob("*/__init__.py")}
    return [f"{name}.{inner}" for inner in sorted(modules | packages)]


def _imports(name: str) -> Iterator[_Import]:
    """All imports in a module's source, those inside functions too."""
    package = name if _is_package(name) else name.rpartition(".")[0]
    for node in ast.walk(_tree(_source(name))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _Import(alias.name, None, alias.asname or alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            base = resolve_name("." * node.level + module, package) if node.level and package else module
            for alias in node.names:
                yield _Import(base, alias.name, alias.asname or alias.name)


def _file(name: str) -> Path | None:
    """Where a module's source lies; `None` where there is none, or no such module. Imports nothing."""
    module = sys.modules.get(name)
    if module is not None and getattr(module, "__file__", None):
        return Path(str(module.__file__))
    root, *parts = name.split(".")
    if not parts:
        spec = find_spec(root)
        return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None
    for folder in _folders(root):
        path = Path(folder, *parts)
        for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            if file.is_file():
                return file
    return None


def _folders(root: str) -> list[str]:
    """Where the modules of a top-level package lie."""
    module = sys.modules.get(root)
    if module is not None:
        return list(getattr(module, "__path__", []))
    spec = find_spec(root)
    return list(spec.submodule_search_locations or []) if spec is not None else []


def _source(name: str) -> str:
    file = _file(name)
    return file.read_text(encoding="utf-8") if file is not None and file.suffix == ".py" else ""


@lru_cache(maxsize=128)
def _tree(source: str) -> ast.Module:
    return ast.parse(source)


@lru_cache(maxsize=128)
def _code(source: str) -> str:
    """The syntax tree as text, without docstrings; `ast.dump` would differ between versions of Python."""
    return _text(_tree(source))


def _text(value: object) -> str:
    if isinstance(value, list):
        return f"[{','.join(_text(item) for item in value)}]"
    if not isinstance(value, ast.AST):
        return repr(value)
    fields = dict(ast.iter_fields(value))
    if isinstance(value, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        fields["body"] = [node for node in fields["body"] if not _is_text_alone(node)]
    # absent fields are left out: later versions of Python add some
    shown = (f"{key}={_text(field)}" for key, field in sorted(fields.items()) if field not in (None, []))
    return f"{type(value).__name__}({','.join(shown)})"


def _is_text_alone(node: ast.AST) -> bool:
    """A docstring, of a module or a field too: a text that is used for nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
