"""The two smallest pieces of a page: a fact and a link."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """A link inside the page."""

    href: str
    text: str


@dataclass(frozen=True)
class Fact:
    """A name and what it is."""

    name: str
    text: str
