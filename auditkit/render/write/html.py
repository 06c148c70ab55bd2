"""The report as one HTML file: no network, no script, readable everywhere."""

from __future__ import annotations

import base64
import hashlib
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined, Undefined
from markupsafe import Markup, escape

from auditkit.errors import PluginWarning
from auditkit.registry import Plugin
from auditkit.render.view.facts import Link
from auditkit.render.view.index import AuditIndex, look_up
from auditkit.render.view.page import page, sections
from auditkit.render.view.section import BUILT_IN, Section
from auditkit.render.view.visible import line, visible
from auditkit.render.words import catalogue
from auditkit.render.words.catalogue import Catalogue, fill
from auditkit.render.write.exporter import exporter
from auditkit.schema import Audit

_EMPHASIS = (
    (r"\*\*(.+?)\*\*", r"<strong>\1</strong>"), (r"\*(.+?)\*", r"<em>\1</em>"), (r"`(.+?)`", r"<code>\1</code>"),
)


@dataclass(frozen=True)
class DrawnSection:
    """A section as HTML."""

    body: Markup
    contents: tuple[Link, ...]


@exporter("index.html")
def render(audit: Audit) -> bytes:
    """The audit's page, UTF-8: a pure function of the record and of the installed sections, byte for byte.

    A plugin's section that fails is named on the page and warned of; the others are drawn.
    """
    index, style = look_up(audit), _style()
    drawn = _draw_all(index)
    template = _environment((), catalogue.LANGUAGE).get_template("page.html.j2")
    text = template.render(
        page=page(index), sections=drawn, contents=[link for section in drawn for link in section.contents],
        style=style, csp=_policy(style), language=catalogue.LANGUAGE,
    )
    return text.encode("utf-8")


def _draw_all(index: AuditIndex) -> list[DrawnSection]:
    """Each section that has something to show; in place of one that failed, what says so."""
    loaded, broken = sections()
    packages = tuple(sorted({section.package for _, section in loaded}))
    drawn = []
    for plugin, section in loaded:
        try:
            drawn.append(_draw(section, index, packages))
        except Exception as error:
            if plugin.built_in:
                raise
            drawn.append(_fault(replace(plugin, problem=f"{type(error).__name__}: {error}")))
    drawn += [_fault(plugin) for plugin in broken]
    return [section for section in drawn if section is not None]


def _draw(section: Section, index: AuditIndex, packages: tuple[str, ...]) -> DrawnSection | None:
    """One section; `None` where the audit holds nothing for it."""
    view = section.view(index)
    if view is None:
        return None
    name = section.template if section.package == BUILT_IN else f"{section.package}/{section.template}"
    template = _environment(packages, catalogue.LANGUAGE).get_template(name)
    text = template.render(view=view, say=_say(section.sentences()))
    return DrawnSection(Markup(text), section.contents(view))  # noqa: S704 - rendered with autoescape


def _fault(plugin: Plugin) -> DrawnSection:
    """What stands in for a plugin's section that failed."""
    fields = {"section": plugin.name, "origin": plugin.distribution, "problem": line(str(plugin.problem))}
    warnings.warn(catalogue.say("page.broken_section", **fields), PluginWarning, stacklevel=2)
    body = _environment((), catalogue.LANGUAGE).get_template("fault.html.j2").render(fields=fields)
    return DrawnSection(Markup(body), ())  # noqa: S704 - rendered with autoescape


def _say(sentences: Catalogue) -> Callable[..., Markup]:
    """The function by which a template gets a sentence: its emphasis as elements, its fields escaped."""

    def say(key: str, /, **fields: str) -> Markup:
        """The sentence as HTML."""
        safe = {name: _safe(text) for name, text in fields.items()}
        return Markup(fill(key, _elements(sentences.sentence(key)), safe))  # noqa: S704 - filled with escaped fields

    return say


def _elements(sentence: str) -> Markup:
    text = str(escape(sentence))
    for mark, element in _EMPHASIS:
        text = re.sub(mark, element, text)
    return Markup(text)  # noqa: S704 - escaped above


def _safe(text: str) -> str:
    return text if isinstance(text, Markup) else visible(text)


def _finalize(value: Any) -> Any:
    """What every expression of a template passes through: text is made visible, absent values are a fault."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Undefined):
        return str(value)  # raises, and names what is missing
    raise TypeError(f"a template may only show text or whole numbers, not {type(value).__name__}")


@cache
def _environment(packages: tuple[str, ...], language: str) -> Environment:
    """Our templates by their names, a plugin's by `package/name`."""
    plugins: Mapping[str, PackageLoader] = {name: PackageLoader(name) for name in packages if name != BUILT_IN}
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(BUILT_IN), PrefixLoader(plugins)]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["say"] = _say(catalogue.read(language))
    return environment


@cache
def _style() -> Markup:
    """The stylesheet; `Markup`, since it is ours and must not be escaped."""
    text = files("auditkit.render").joinpath("assets", "style.css").read_text(encoding="utf-8")
    return Markup(text.replace("\r\n", "\n"))  # noqa: S704


def _policy(style: str) -> str:
    """Content security policy: nothing loads and nothing runs; only this very stylesheet applies."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
