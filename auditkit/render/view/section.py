"""What a section of the report is. Built-in ones and those of plugins are registered alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from auditkit.render.view.facts import Link
from auditkit.render.view.index import AuditIndex
from auditkit.render.words.catalogue import Catalogue, in_language, words

BUILT_IN = "auditkit.render"
"""The package that holds the built-in templates."""


@dataclass(frozen=True)
class Section:
    """One section of the report. A plugin registers it as the entry point `section.NAME`.

    The template is a file of the package's folder `templates`. It is rendered with `view`, which is what the function
    of that name gave, and with `say(key, **fields)`, which knows the built-in sentences and, under `NAME.`, the
    section's own; every text that it shows is escaped. The key `title` is its entry in the table of contents.
    """

    name: str
    """What its sentences are found under, and its entry point's name behind `section.`."""
    order: int
    """Its place: the built-in sections are numbered 100, 200, … 900."""
    view: Callable[[AuditIndex], Any]
    """What the template shows; `None` where the audit holds nothing for it, and the section is left out."""
    template: str
    """File name in the package's folder `templates`."""
    package: str = BUILT_IN
    """The package that holds the template."""
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Language to key to sentence: the section's own words; those of built-in sections are in `render/words`."""
    anchor: str = ""
    """Id of its element, for the table of contents; the name by default."""
    links: Callable[[Any], tuple[Link, ...]] | None = None
    """From the view to the entries of the table of contents; one entry with the title by default."""

    def sentences(self) -> Catalogue:
        """The built-in sentences and those that the section brings, in the chosen language where it has that."""
        return words().with_section(self.name, in_language(self.words) or {})

    def contents(self, view: Any) -> tuple[Link, ...]:
        """Its entries of the table of contents."""
        if self.links is not None:
            return self.links(view)
        return (Link(f"#{self.anchor or self.name}", self.sentences().say(f"{self.name}.title")),)
