"""README and docs: links lead somewhere, commands exist with their options, and the README is short."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from auditkit.cli.app import COMMANDS, app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: Path) -> Iterator[list[str]]:
    """Every command of auditkit in a page's blocks of code and tables, as words."""
    text = page.read_text(encoding="utf-8")
    lines = [line for _, block in FENCE.findall(text) for line in block.splitlines()]
    lines += re.findall(r"`(auditkit [^`]+)`", FENCE.sub("", text))
    for line in lines:
        command = line.strip().removeprefix("$ ").removeprefix("- run: ").partition(" #")[0]
        if command.startswith("auditkit ") and "…" not in command:
            yield shlex.split(command)[1:]


def unknown(words: list[str]) -> str | None:
    """What of a command does not exist; `None` where all of it does."""
    if words[0].startswith("-"):
        return None
    if words[0] not in COMMANDS:
        return words[0]
    command = app.get_command(click.Context(app), words[0])
    assert command is not None
    options = {"--help", "--debug"}
    for part in (command, *(command.commands.values() if isinstance(command, click.Group) else ())):
        options |= {name for parameter in part.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return next((word for word in words[1:] if word.startswith("--") and word.partition("=")[0] not in options), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist_with_their_options(page: Path) -> None:
    for words in commands(page):
        assert unknown(words) is None, f"{page.name}: auditkit {' '.join(words)}: no {unknown(words)}"


def test_a_wrong_command_or_option_would_be_seen() -> None:
    assert unknown(["audti", "m"]) == "audti"
    assert unknown(["audit", "m", "--limmit", "3"]) == "--limmit"
    assert unknown(["data", "pull", "bbq", "--mirror", "DIR"]) is None


def test_every_page_is_reached_from_the_readme() -> None:
    reached, frontier = set(), [ROOT / "README.md"]
    while frontier:
        page = frontier.pop()
        reached.add(page)
        links = (link.partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8")))
        pages = {(page.parent / link).resolve() for link in links if link.endswith(".md") and "://" not in link}
        frontier += [page for page in pages if page not in reached]
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} <= reached


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`auditkit {name}" not in text] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 700
