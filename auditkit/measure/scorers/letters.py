"""Which option a text names: anchored at its beginning, never a substring.

'no' is not in 'know', 'A man' is not option A, and a text that names two options names none. Marks of Markdown and
LaTeX around an option do not count, and a sentence may lead to it, in some languages; `\\boxed{}` marks the answer
anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from string import ascii_uppercase

_DECORATION = "*_`\"'“”‘’ \t"
_MARKUP = re.compile(r"\\(?:text|mathrm|mathbf|textbf)\{([^{}]*)\}|\\[()\[\]]|\*{1,3}|(?<!\w)__|__(?!\w)|\$|`")
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_OPINION = (
    r"(?:i\s+(?:think|believe|choose|pick|say|would\s+(?:say|choose|pick|go\s+with)),?\s+(?:that\s+)?(?:it(?:'s|\s+is)\s+)?)"
)
_OTHER_LEADS = (
    r"(?:我认为|我認為)?(?:所以|因此)?[,，]?(?:正确|正確|最终|最終)?(?:答案|选项|選項)(?:应该|應該)?(?:是|为|為)?",
    r"选(?:择)?",
    r"(?:正解|答え|回答)(?:は)?", r"(?:정답|답변|답)(?:은|는|이)?",
    r"(?:die\s+)?(?:richtige\s+|korrekte\s+)?antwort(?:\s+(?:ist|lautet))?",
    r"(?:la\s+)?(?:respuesta|risposta|resposta)(?:\s+(?:correcta|corretta|correta))?(?:\s+(?:es|è|é))?",
    r"a\s+resposta(?:\s+correta)?(?:\s+é)?", r"(?:la\s+)?(?:bonne\s+)?réponse(?:\s+correcte)?(?:\s+est)?",
    r"(?:het\s+)?(?:juiste\s+)?antwoord(?:\s+is)?", r"(?:правильный\s+)?ответ",
    r"(?:الإجابة|الجواب)", r"(?:सही\s+)?उत्तर",
)
"""What leads to an answer in Chinese, Japanese, Korean, German, Spanish, Italian, Portuguese, French, Dutch, Russian,
Arabic and Hindi."""
_LEAD = re.compile(
    rf"{_OPINION}?(?:so,?\s+|therefore,?\s+|thus,?\s+)?{_OPINION}?"
    r"(?:(?:the\s+|my\s+)?(?:(?:correct|right|best|final)\s+)?(?:answer|option|choice)(?:\s+is(?=[\s:])|\s*:)?"
    rf"|(?:{'|'.join(_OTHER_LEADS)})(?![^\W\d_A-Za-z]))\s*:?\s*",
    re.IGNORECASE,
)
_BARE_OPINION = re.compile(_OPINION, re.IGNORECASE)
_IS_RIGHT = re.compile(
    r"\(?([A-Z])\)?\s+(?:is|ist|es|est)\s+(?:the\s+|die\s+|la\s+)?"
    r"(?:correct|right|best|richtig|richtige|correcta|correcte|bonne)(?:\s+(?:answer|option|choice|one|antwort|réponse))?(?=[.,!;]|$)"
)
_REJECTED = re.compile(r"\b(?:not|rather\s+than|instead\s+of|nicht|no|pas)\s+\(?[A-Z]\)?(?!\w)")
_JOINED = re.compile(
    r"\s*(?:[,/&+|;]\s*(?:(?:or|and|oder|und|o|y|ou|et)\s+)?|(?:or|and|oder|und|o|y|ou|et|或|和|또는)\s+)"
    r"\(?([A-Za-z])(?=[.,;:)]|$)",
    re.IGNORECASE,
)
"""A second letter after the first: 'a, b', 'B or c'."""
_COPULA = re.compile(r"(?:입니다|이다|です|だ)(?=[.!]|$)")
_LETTER = re.compile(r"\(([A-Za-z])\)[.:]?(?=\s|$)|([A-Za-z])(?:\)|[.:])(?=\s|$)|([A-Za-z])(?=$)")
_LED = re.compile(r"\(?([A-Za-z])\)?(?=[.,:;)]|$)")
# An "A" before a word in lower case is an article, unless that word joins two options.
_MENTION = re.compile(r"\(([A-Za-z])\)|\b([A-Z])\b(?!['’])(?!\s+(?!(?:or|and|nor|is|was|but)\b)[a-z0-9])")


def read_option(text: str, options: Sequence[str]) -> int | None:
    """Index of the option that an answer names, or `None` where it names none, or more than one.

    Accepted at the beginning of the first line: a letter as `B`, `b`, `(b)`, `B.`, `B) …`, `Answer: B.`, `B is the
    correct answer`, `I think the answer is B`; or the option's own text, alone or before punctuation. What stands in
    `\\boxed{}` is the answer wherever it stands.

    Args:
        text: the model's answer.
        options: texts of the options, in the order shown.

    Returns:
        An index in [0, len(options)), never negative.
    """
    if boxes := [_unmarked(match[1]) for match in _BOXED.finditer(text)]:
        named = {_line(box, [_unmarked(option) for option in options]) for box in boxes}
        return named.pop() if len(named) == 1 else None
    lines = [line.strip(_DECORATION) for line in text.replace("\r", "\n").split("\n")]
    lines = [line for line in lines if line]
    if not lines:
        return None
    first = _line(lines[0], options)
    if first is None:
        return None
    later = {_line(line, options) for line in lines[1:]} - {None}
    return first if later <= {first} else None


def _line(line: str, options: Sequence[str]) -> int | None:
    by_text = _named(line, options)
    if by_text is not None:
        return by_text
    line, options = _unmarked(line), [_unmarked(option) for option in options]
    by_text = _named(line, options)
    if by_text is not None:
        return by_text
    lead = _LEAD.match(line) or _BARE_OPINION.match(line)
    rest = line[lead.end() :].strip(_DECORATION) if lead and lead.group().strip() else line
    if lead and rest != line and (named := _named(rest, options)) is not None:
        return named
    match = _IS_RIGHT.match(rest) or (_LED if rest != line else _LETTER).match(rest) or _LETTER.match(rest)
    if match is None:
        return None
    index = _index(next(group for group in match.groups() if group), len(options))
    joined = _JOINED.match(rest[match.end() :])
    if joined is not None and _index(joined[1], len(options)) not in (None, index):
        return None
    after = rest[match.end() :].strip(_DECORATION + ".:;,)-–—")
    return index if index is not None and not _contradicts(after, index, options) else None


def _unmarked(text: str) -> str:
    """A text without the marks of Markdown and LaTeX, its full-width signs as usual ones."""
    bare = _MARKUP.sub(lambda match: match[1] or "", text)
    usual = unicodedata.normalize("NFKC", bare).replace("。", ".").replace("、", ",")
    return _COPULA.sub("", usual).strip(_DECORATION)


def _contradicts(after: str, index: int, options: Sequence[str]) -> bool:
    after = _REJECTED.sub("", after)
    named = _named(after, options)
    if named is not None:
        return named != index
    mentioned = {
        _index(next(group for group in match.groups() if group), len(options)) for match in _MENTION.finditer(after)
    }
    return bool(mentioned - {index, None})


def _named(text: str, options: Sequence[str]) -> int | None:
    """The one option whose text stands at the beginning, before punctuation or the end; no other is named after it."""
    folded = text.casefold()
    named = []
    for i, option in enumerate(options):
        bare = option.strip().rstrip(".").casefold()
        if bare and re.match(rf"{re.escape(bare)}(?=\s*(?:[.,:;!?)]|$))", folded):
            named.append((len(bare), i))
    if not named:
        return None
    length, index = max(named)  # of 'New York' and 'New', the longer
    rest = folded[length:]
    others = (option.strip().rstrip(".").casefold() for i, option in enumerate(options) if i != index)
    if any(re.search(rf"(?<!\w){re.escape(other)}(?!\w)", rest) for other in others if other):
        return None
    return index


def _index(letter: str, count: int) -> int | None:
    index = ascii_uppercase.index(letter.upper())
    return index if index < count else None
