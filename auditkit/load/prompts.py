"""Prompt templates: `{field}` is filled in one pass, so that what a row holds is never read as a template."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from auditkit.errors import PackError

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def fill(template: str, fields: Mapping[str, str]) -> str:
    """Replace each `{field}` by its value; `{{` and `}}` stand for literal braces.

    Args:
        template: the template; nothing but a bare field name may stand between braces.
        fields: name to value. Braces in a value stay as they are.

    Raises:
        PackError: an unknown field, or a single brace.
    """

    def filled(match: re.Match[str]) -> str:
        """The value of a field, or the brace that a doubled one stands for.

        Raises:
            PackError: an unknown field, or a single brace.
        """
        piece, name = match.group(), match.group(1)
        if piece in ("{{", "}}"):
            return piece[0]
        if name is None:
            raise PackError(f'the template has a single "{piece}"; write "{piece * 2}" for a brace')
        if name not in fields:
            close = difflib.get_close_matches(name, fields, n=1, cutoff=0.5)
            hint = f'did you mean "{{{close[0]}}}"?' if close else f"fields: {', '.join(sorted(fields)) or 'none'}"
            raise PackError(f'the template names the unknown field "{{{name}}}"; {hint}')
        return fields[name]

    return _PIECE.sub(filled, template)


def named(template: str) -> list[str]:
    """Names of the fields in a template, each once, in order of appearance."""
    return list(dict.fromkeys(name for name in (m.group(1) for m in _PIECE.finditer(template)) if name))
