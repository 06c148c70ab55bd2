"""The frame of the page: the decision, the model, and what the sections are."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit import registry
from auditkit.registry import Plugin
from auditkit.render.view.findings import finding_views
from auditkit.render.view.index import AuditIndex
from auditkit.render.view.masthead import Masthead, VerdictView, masthead, verdict, verdict_word
from auditkit.render.view.section import Section
from auditkit.render.words.catalogue import say


@dataclass(frozen=True)
class Page:
    """What stands around the sections."""

    title: str
    verdict: VerdictView
    masthead: Masthead


def page(index: AuditIndex) -> Page:
    """What stands around the sections."""
    audit = index.audit
    return Page(
        title=say("page.title", verdict=verdict_word(audit), model=audit.subject.name),
        verdict=verdict(audit, finding_views(index)),
        masthead=masthead(audit),
    )


def sections() -> tuple[tuple[tuple[Plugin, Section], ...], tuple[Plugin, ...]]:
    """The sections in the order of the page, with who registered them; and those that cannot be loaded.

    Raises:
        RegistryError: a built-in section cannot be loaded, or a plugin claims its name.
    """
    loaded, broken = registry.load_all("section", Section)
    return tuple(sorted(loaded, key=lambda item: (item[1].order, item[1].name))), broken
