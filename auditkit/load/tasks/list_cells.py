"""A list that was written into one cell as text: by pandas and `datasets` as Python, by others as JSON.

numpy writes `['a' 'b']`, without commas: Python reads that as the one text "ab", so it is refused.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from itertools import pairwise
from typing import Any

_STRINGS = re.compile(r"""[\[(]\s*(?:[uUbB]?['"].*|array\(.*|\]|\))\s*""", re.DOTALL)
"""Opens as a list of texts, or is empty."""
_NUMBERS = re.compile(r"[\[(]-?\d+(?:\.\d*)?(?:,? +-?\d+(?:\.\d*)?|,)*[\])]")
"""A list of numbers as Python and numpy print it: blanks stand between, never at the brackets, as in split words."""
_MAPPING = re.compile(r"""\{\s*['"][^'"]*['"]\s*:.*\}""", re.DOTALL)
REMEDY = 'write a JSON list, such as ["a", "b"], or use .jsonl'


def list_in(cell: str, *, numbers: bool) -> list[Any] | None:
    """The items of a list that was written as text; `None` for any other text.

    Args:
        cell: the text.
        numbers: whether a list of numbers is one; else it is a text, as an interval [1, 2] is.

    Raises:
        ValueError: it opens as a list, and cannot be read as one in one way only.
    """
    text = cell.strip()
    if _MAPPING.fullmatch(text):
        raise ValueError(f"is a mapping written as text; {REMEDY}")
    closed = text[:1] + text[-1:] in ("[]", "()")
    if not (closed and (_STRINGS.fullmatch(text) or (numbers and _NUMBERS.fullmatch(text)))):
        return None
    if text[0] == "(" and not text.endswith((",)", "')", '")')):
        return None
    try:
        items = json.loads(text)
    except ValueError:
        items = _by_python(text)
    if isinstance(items, (list, tuple)) and all(isinstance(item, (str, int, float)) for item in items):
        return list(items)
    if text[0] == "(":  # words in round brackets and quotes are a text
        return None
    raise ValueError(f"is a list written as text that cannot be read; {REMEDY}")


def _by_python(text: str) -> Any:
    try:
        tokens = [token.type for token in tokenize.generate_tokens(io.StringIO(f"({text})").readline)]
        items = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError):
        return None
    bare = [kind for kind in tokens if kind != tokenize.NL]
    if (tokenize.STRING, tokenize.STRING) in pairwise(bare):
        raise ValueError(f"is a list without commas between its texts, as numpy prints it; {REMEDY}")
    return items
