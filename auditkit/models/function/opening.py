"""Finding a function by its name, and what its numbers are known to depend on: its source and the files it declares."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterable
from operator import attrgetter
from pathlib import Path
from typing import Any

from auditkit.errors import ModelError, first_line
from auditkit.models.function import SCHEME
from auditkit.models.function.adapter import FunctionAdapter
from auditkit.models.function.held import HELD
from auditkit.models.weights.fingerprint import file_sha256, source_sha256, text_sha256
from auditkit.schema import Config, Subject, digest
from auditkit.schema.event import Event, OnEvent

WEAKNESS = "source and declared files only: weaker than a hash of weights"


def open_function(config: Config, on_event: OnEvent) -> FunctionAdapter:
    """Import the function that a configuration names. Modules of the working directory are found too.

    Raises:
        ModelError: no such module or function, its source cannot be read, or a file that it declares is not there.
    """
    name = config.model
    on_event(Event("load", f"importing {name}: its code runs in this process"))
    function = HELD[name] if name in HELD else _imported(name)
    ask = _asked(name, function)
    classes = _declared(name, function, "classes", "classes_")
    parts = {
        "adapter": "function", "function": name.removeprefix(SCHEME), "module": _source(name, function),
        "files": _files(name, _declared(name, function, "files")), "classes": ", ".join(classes) or "not declared",
        "fingerprint": WEAKNESS, "source": source_sha256(),
    }
    subject = Subject(name=name, kind="function", fingerprint=digest(parts), parts=parts)
    return FunctionAdapter(subject, ask, classes)


def _imported(name: str) -> Any:
    """The object that `python:MODULE:NAME` names."""
    module_name, colon, path = name.removeprefix(SCHEME).partition(":")
    if not (module_name and colon and path):
        raise ModelError(f"{name}: write {SCHEME}PACKAGE.MODULE:FUNCTION, e.g. {SCHEME}reviews:predict")
    # last, so that no file of the working directory takes the place of an installed module
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        where = "; it is looked for among installed packages and in the working directory"
        hint = where if isinstance(error, ModuleNotFoundError) else ""
        raise ModelError(
            f"{name}: {module_name} cannot be imported ({type(error).__name__}: {first_line(error)}){hint}"
        ) from error
    try:
        return attrgetter(path)(module)
    except AttributeError:
        functions = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise ModelError(f'{name}: {module_name} has no "{path}"; it has: {", ".join(functions[:12])}') from None


def _asked(name: str, function: Any) -> Callable[[list[Any]], Any]:
    """What is called: the object, or the `predict_proba` or `predict` of a model as scikit-learn builds them."""
    for method in ("predict_proba", "predict"):
        if not callable(function) and callable(getattr(function, method, None)):
            bound: Callable[[list[Any]], Any] = getattr(function, method)
            return bound
    if not callable(function):
        raise ModelError(f"{name} is {type(function).__name__}, which cannot be called; name a function")
    called: Callable[[list[Any]], Any] = function
    return called


def _declared(name: str, function: Any, *attributes: str) -> tuple[str, ...]:
    """What the function, or the object that it is bound to, says of itself; nothing where it says nothing."""
    for owner in (function, getattr(function, "__self__", None)):
        for attribute in attributes:
            value = getattr(owner, attribute, None)
            if value is None:
                continue
            if isinstance(value, str) or not isinstance(value, Iterable):
                raise ModelError(f"{name}: its {attribute} is {type(value).__name__}; give a list of texts")
            items = value.tolist() if hasattr(value, "tolist") else list(value)
            return tuple(str(item) for item in items)
    return ()


def _source(name: str, function: Any) -> str:
    """Hash of the file that the function is written in; of a notebook's, of the function's own lines."""
    named = getattr(function, "__func__", function)
    kind = named if hasattr(named, "__qualname__") else type(named)
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    written = name.removeprefix(SCHEME).partition(":")[0]
    file = getattr(sys.modules.get(written), "__file__", None) or file
    try:
        if file is not None:
            return file_sha256(Path(file))
        return text_sha256(inspect.getsource(kind))
    except (OSError, TypeError):
        raise ModelError(
            f"{name}: its source cannot be read, so that nothing would tell one version from another; write the "
            "function into a module"
        ) from None


def _files(name: str, files: Iterable[str]) -> str:
    """Hash of the declared files, or that there are none."""
    hashes = {}
    for file in files:
        path = Path(file)
        if not path.is_file():
            raise ModelError(f'{name}: the file "{file}" that it declares is not there; correct its "files"')
        hashes[path.name] = file_sha256(path)
    return digest(hashes) if hashes else "none declared"
