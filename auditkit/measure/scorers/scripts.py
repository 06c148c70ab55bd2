"""Scripts and words of any language: which tokenizers for English would take apart or lose."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

_RANGES = (
    ("kana", 0x3040, 0x30FF), ("kana", 0x31F0, 0x31FF), ("kana", 0xFF66, 0xFF9D), ("han", 0x3400, 0x4DBF),
    ("han", 0x4E00, 0x9FFF), ("han", 0xF900, 0xFAFF), ("han", 0x20000, 0x323AF), ("unsegmented", 0x0E00, 0x0FFF),
    ("unsegmented", 0x1000, 0x109F), ("unsegmented", 0x1780, 0x17FF), ("unsegmented", 0xA9E0, 0xA9FF),
)
"""Scripts without spaces between words; `unsegmented`: Thai, Lao, Tibetan, Myanmar, Khmer."""


def script(character: str) -> str:
    """`kana`, `han`, `unsegmented`, or `spaced` for every script that has spaces between words."""
    code = ord(character)
    return next((name for name, first, last in _RANGES if first <= code <= last), "spaced")


def main_script(texts: Iterable[str]) -> str:
    """The script of most letters; `kana` where at least a twentieth of Han and kana is kana (Japanese has both)."""
    counts = Counter(script(c) for text in texts for c in text if unicodedata.category(c)[0] == "L")
    if not counts:
        return "spaced"
    if counts["kana"] >= 0.05 * (counts["kana"] + counts["han"]) > 0 and counts["kana"] + counts["han"] >= max(
        counts["spaced"], counts["unsegmented"]
    ):
        return "kana"
    return max(("spaced", "han", "unsegmented"), key=lambda name: counts[name])


def words(text: str) -> list[str]:
    """Words in lower case (NFKC): runs of letters, marks and digits; in scripts without spaces each character."""
    tokens: list[str] = []
    open_word = False
    for character in unicodedata.normalize("NFKC", text).lower():
        kind = unicodedata.category(character)[0]
        if kind == "M" and tokens and (open_word or script(tokens[-1][0]) != "spaced"):
            tokens[-1] += character
        elif kind not in "LMN":
            open_word = False
        elif script(character) != "spaced":
            tokens.append(character)
            open_word = False
        elif open_word:
            tokens[-1] += character
        else:
            tokens.append(character)
            open_word = True
    return tokens
