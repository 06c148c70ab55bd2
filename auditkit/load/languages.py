"""The language of texts by their script, where nobody said it: it decides words, articles and punctuation."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

LATIN = "en"
"""What texts in Latin letters, or in none, are taken for: their script does not tell."""
_LANGUAGES = {
    "LATIN": LATIN, "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh", "HANGUL": "ko", "GREEK": "el", "HEBREW": "he",
    "THAI": "th", "LAO": "lo", "KHMER": "km", "MYANMAR": "my", "ARMENIAN": "hy", "GEORGIAN": "ka",
}
"""First word of a letter's Unicode name to the language that is written so; others write several."""
_KANA_SHARE = 0.05
"""Share of kana among Han and kana from which a text is Japanese."""


def language_of(texts: Iterable[str]) -> str:
    """BCP 47 tag of the texts' main script; `und` where several languages are written in it."""
    names: Counter[str] = Counter()
    for character, count in Counter("".join(texts)).items():
        if character.isalpha():
            names[unicodedata.name(character, "OTHER").split()[0]] += count
    if not names:
        return LATIN
    kana = names["HIRAGANA"] + names["KATAKANA"]
    main = names.most_common(1)[0][0]
    if main == "CJK" and kana >= _KANA_SHARE * (kana + names["CJK"]):
        return "ja"
    return _LANGUAGES.get(main, "und")
