"""Perturbed copies of a text that mean the same: typing errors, capitals, sloppy punctuation.

After the character-level and surface perturbations of Ribeiro et al. (2020, CheckList, ACL) and Moradi and Samwald
(2021, EMNLP). A word is never touched if it is protected (it stands in an option, a target or the name of a group),
negates, holds a digit, or has a capital inside a sentence (a name); the number and order of words stay.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Iterator

NEGATIONS = frozenset([
    "no", "not", "nor", "none", "nobody", "nothing", "nowhere", "never", "neither", "without", "cannot",
    "hardly", "barely", "scarcely", "seldom", "rarely", "unless", "except", "lack", "lacks", "lacked",
    "lacking", "fail", "fails", "failed", "refuse", "refuses", "refused", "deny", "denies", "denied",
])
"""English words that turn a sentence round; those in n't are told by their apostrophe."""
ACRONYMS = frozenset(["us", "it", "who", "aids", "pin", "ram", "may", "march", "polish", "turkey"])
"""Words that mean something else in capitals, or with a capital."""
_WORD = re.compile(r"\w+(?:['’\-]\w+)*")
_END = re.compile(r"[.!?:\n][\"'”’)\]]*\s*$|^\s*[\"'“‘(\[]*$")
_MARK = re.compile(r"(?<=\w)([,.;:!?])(?=\s)")
_SHORTENED = re.compile(r"(?:^|\W)(?:[A-Za-z]|Dr|Mr|Mrs|Ms|St|Prof|Jr|Sr|vs|etc|No|approx)$")
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_TRIES = 8
_LOOK_BACK = 40


def words(text: str) -> Iterator[str]:
    """The words of a text, in lower case; one with hyphens also in its parts."""
    for match in _WORD.finditer(text.lower()):
        yield match.group()
        if "-" in match.group():
            yield from match.group().split("-")


def names(text: str) -> frozenset[str]:
    """Words with a capital inside a sentence, in lower case: a name stays one at the beginning of another sentence."""
    return frozenset(match.group().lower() for match in _WORD.finditer(text) if _named(match, text))


def typos(
    text: str, *, rate: float, chance: random.Random, protected: Collection[str] = (), vocabulary: Collection[str] = ()
) -> str:
    """Slips of the fingers inside words: two letters swapped, one doubled, left out, or its neighbour on the keyboard.

    First and last letters stay, a word has one slip at most, and no slip makes a known word.

    Args:
        text: the text.
        rate: slips for each letter of the text, at least one slip in all; fewer where too few words may be touched.
        chance: the source of chance.
        protected: words that are not touched, in lower case.
        vocabulary: words that no slip may make, in lower case.
    """
    matches = list(_WORD.finditer(text))
    letters = sum(character.isalpha() for character in text)
    free = [match for match in matches if len(match.group()) > 3 and _may_touch(match, text, protected)]
    count = min(len(free), max(1, round(rate * letters)))
    chosen = {match.start() for match in chance.sample(free, count)}

    def slip(match: re.Match[str]) -> str:
        """The word of a match with one slip, if it was chosen."""
        return _slip(match.group(), chance, vocabulary) if match.start() in chosen else match.group()

    return _WORD.sub(slip, text)


def case(text: str, *, protected: Collection[str] = ()) -> str:
    """All words in capitals, as when shouting.

    Args:
        text: the text.
        protected: words that are not touched, in lower case.
    """

    def shout(match: re.Match[str]) -> str:
        """The word of a match in capitals, if it may be touched."""
        word = match.group()
        return word.upper() if word not in ACRONYMS and _may_touch(match, text, protected) else word

    return _WORD.sub(shout, text)


def punctuation(text: str) -> str:
    """A space before commas, stops and marks inside the text, and no mark at its end.

    Marks after an abbreviation or a single letter stay as they are; letters, digits and the order of words are kept.
    """

    def spaced(match: re.Match[str]) -> str:
        """A mark with a space before it; the stop of an abbreviation as it is."""
        shortened = match.group() == "." and _SHORTENED.search(_before(text, match.start()))
        return match.group() if shortened else f" {match.group()}"

    changed = _MARK.sub(spaced, text)
    if re.search(r"\w[.?!]$", text) and not _SHORTENED.search(text[:-1]):
        return changed[:-1]
    return changed


def _may_touch(match: re.Match[str], text: str, protected: Collection[str]) -> bool:
    word = match.group()
    lower = word.lower()
    if not word.isalpha() or any(letter.lower() == letter.upper() for letter in word):
        return False  # a digit, a hyphen, an apostrophe (n't); a script without capitals, where a word is not so told
    return not _named(match, text) and lower not in NEGATIONS and lower not in protected


def _named(match: re.Match[str], text: str) -> bool:
    word = match.group()
    before = _before(text, match.start())
    begins = _END.search(before) and not _SHORTENED.search(before.rstrip().removesuffix("."))
    return word != word.lower() and not (word == word.capitalize() and begins)


def _before(text: str, place: int) -> str:
    """The characters before a place that can tell what stands there: not all of them, for a long text."""
    return text[max(0, place - _LOOK_BACK) : place]


def _slip(word: str, chance: random.Random, vocabulary: Collection[str]) -> str:
    for _ in range(_TRIES):
        place = chance.randrange(1, len(word) - 1)
        slipped = chance.choice(_SLIPS)(word, place, chance)
        makes_word = slipped.lower() in vocabulary or slipped.lower() in NEGATIONS
        if slipped != word and slipped[-1] == word[-1] and not makes_word:
            return slipped
    return word


def _swapped(word: str, place: int, chance: random.Random) -> str:
    return word if place + 2 >= len(word) else word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _doubled(word: str, place: int, chance: random.Random) -> str:
    return word[: place + 1] + word[place:]


def _left_out(word: str, place: int, chance: random.Random) -> str:
    return word[:place] + word[place + 1 :]


def _beside(word: str, place: int, chance: random.Random) -> str:
    row = next((row for row in _KEYS if word[place].lower() in row), "")
    if not row:
        return word
    key = row.index(word[place].lower())
    near = [row[i] for i in (key - 1, key + 1) if 0 <= i < len(row)]
    return word[:place] + chance.choice(near) + word[place + 1 :]


_SLIPS: tuple[Callable[[str, int, random.Random], str], ...] = (_swapped, _doubled, _left_out, _beside)
