"""The report as one HTML file: no network, no script, readable everywhere."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from auditkit.render.view.page import build
from auditkit.render.words.safety import visible
from auditkit.schema import Audit


def _finalize(value: Any) -> Any:
    """What every expression of a template passes through: text is made visible, absent values are a fault."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError(f"a template may only show text or whole numbers, not {type(value).__name__}")


@cache
def _style() -> Markup:
    """The stylesheet; `Markup`, since it is ours and must not be escaped."""
    text = files("auditkit.render").joinpath("assets", "style.css").read_text(encoding="utf-8")
    return Markup(text.replace("\r\n", "\n"))  # noqa: S704


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("auditkit.render"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _policy(style: str) -> str:
    """Content security policy: nothing loads and nothing runs; only this very stylesheet applies."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def render(audit: Audit) -> bytes:
    """The audit's page, UTF-8: a pure function of the record, byte for byte."""
    style = _style()
    template = _environment().get_template("page.html.j2")
    return template.render(page=build(audit), style=style, csp=_policy(style)).encode("utf-8")
