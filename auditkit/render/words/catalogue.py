"""Sentences by key. A language is a folder beside this module: the same keys and nothing else.

A key is `module.name`: the module of the language's folder, and a key of its `WORDS`. A sentence names what it needs in
braces, and may hold `*emphasis*`, `**strong words**` and `` `code` ``: Markdown shows them as they are, the page as
elements.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TypeVar

T = TypeVar("T")

LANGUAGE = "en"
"""The language of everything that is written: the one place where it is chosen."""


@dataclass(frozen=True)
class Catalogue:
    """Sentences of one language, by key."""

    sentences: Mapping[str, str]

    def sentence(self, key: str) -> str:
        """The sentence as it is written, its fields still in braces.

        Raises:
            LookupError: the language has no such key.
        """
        try:
            return self.sentences[key]
        except KeyError:
            raise LookupError(f'no sentence has the key "{key}" in the language {LANGUAGE}; add it there') from None

    def say(self, key: str, /, **fields: str) -> str:
        """The sentence with its fields filled in; fields that it does not name are left out.

        Raises:
            LookupError: no such key, or a field of the sentence is missing.
        """
        return fill(key, self.sentence(key), fields)

    def with_section(self, name: str, sentences: Mapping[str, str]) -> Catalogue:
        """These sentences and those that a section brings itself, under the section's name."""
        return Catalogue({**self.sentences, **{f"{name}.{key}": text for key, text in sentences.items()}})


def fill(key: str, sentence: str, fields: Mapping[str, str]) -> str:
    """The sentence with its fields filled in once: braces in a field's text mean nothing.

    Raises:
        LookupError: a field of the sentence is missing.
    """
    try:
        return sentence.format_map(fields)
    except KeyError as error:
        raise LookupError(f'the sentence "{key}" needs the field {error}, which was not given') from None


@cache
def read(language: str) -> Catalogue:
    """All sentences of a language.

    Raises:
        LookupError: there is no folder for it.
    """
    try:
        package = import_module(f"{__package__}.{language}")
    except ModuleNotFoundError:
        raise LookupError(f'there are no words for the language "{language}" in {__package__}') from None
    modules = (import_module(f"{package.__name__}.{item.name}") for item in pkgutil.iter_modules(package.__path__))
    sentences = {
        f"{module.__name__.rpartition('.')[2]}.{key}": text
        for module in modules for key, text in module.WORDS.items()
    }
    return Catalogue(MappingProxyType(sentences))


def words() -> Catalogue:
    """All sentences of the chosen language."""
    return read(LANGUAGE)


def say(key: str, /, **fields: str) -> str:
    """A sentence of the chosen language with its fields filled in.

    Raises:
        LookupError: no such key, or a field of the sentence is missing.
    """
    return words().say(key, **fields)


def in_language(by_language: Mapping[str, T]) -> T | None:
    """What a plugin brings in the chosen language, else in English, else in the first that it has; `None` for none."""
    languages = (LANGUAGE, "en", *sorted(by_language))
    return next((by_language[language] for language in languages if language in by_language), None)


def plural(key: str, number: int) -> str:
    """`key.one` for 1, `key.other` for every other number."""
    return f"{key}.{'one' if number == 1 else 'other'}"
