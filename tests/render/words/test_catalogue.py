"""The catalogue and its uses: every key is there and used, every field is given, no sentence stands elsewhere."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

import auditkit.render
import auditkit.schema
from auditkit.render.view.page import sections
from auditkit.render.words import catalogue
from auditkit.render.words.catalogue import Catalogue, fill, in_language, read, say
from auditkit.schema import Record

RENDER = Path(auditkit.render.__file__).parent
PACKAGE = RENDER.parent
LANGUAGES = sorted(path.name for path in (RENDER / "words").iterdir() if (path / "__init__.py").is_file())
MODULES = {path.stem for path in (RENDER / "words" / "en").glob("*.py")}
TEMPLATES = sorted((RENDER / "templates").glob("*.j2"))
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent.parent != RENDER / "words")
SPOKEN = [*sorted((RENDER / "view").glob("*.py")), *sorted((RENDER / "write").glob("*.py")),
          *sorted((RENDER / "draw").glob("*.py")), RENDER / "words" / "numbers.py", PACKAGE / "cli" / "summary.py"]

FIELD = "ﬁeld"
"""Stands for what an f-string fills in: a word, but none of English letters."""
NOT_SENTENCES = {
    "pairwise contrasts",  # part of a method's name, as the estimates bear it
    f"default-src 'none'; style-src 'sha256-{FIELD}'; img-src data:; base-uri 'none'; form-action 'none'",
    f"tasks: {FIELD}",  # a line of YAML
}
"""Texts of several words that are not sentences."""


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


class Uses:
    """Every key that the code and the templates ask for."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, set[str] | None]] = []
        """Where, key, and the fields that are given; `None` where they are not known."""
        self.keys: set[str] = set()
        self.patterns: set[str] = set()
        for path in SOURCES:
            self._python(path)
        for path in TEMPLATES:
            self._template(path)
        loaded, broken = sections()
        assert not broken
        self.keys |= {f"{section.name}.title" for _, section in loaded if section.links is None}

    def _python(self, path: Path) -> None:
        source = path.read_text(encoding="utf-8")
        if "words.catalogue import" not in source:
            return
        tree = ast.parse(source)
        pieces = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and is_key(node.value):
                if node in pieces:
                    continue
                self.keys.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                pattern = _pattern(node)
                if is_key(pattern.replace("[^.]+", "x").replace("\\", "")):
                    self.patterns.add(pattern)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say":
                self._call(path, node)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "plural":
                self._plural(node.args[0])

    def _plural(self, key: ast.expr) -> None:
        if isinstance(key, ast.Constant):
            self.keys = (self.keys - {key.value}) | {f"{key.value}.one", f"{key.value}.other"}
        else:
            assert isinstance(key, ast.JoinedStr)
            stem = _pattern(key)
            self.patterns = (self.patterns - {stem}) | {rf"{stem}\.one", rf"{stem}\.other"}

    def _call(self, path: Path, node: ast.Call) -> None:
        key = node.args[0]
        given = {word.arg for word in node.keywords if word.arg}
        exact = len(given) == len(node.keywords)
        if isinstance(key, ast.Constant):
            self.calls.append((f"{path.name}:{node.lineno}", key.value, given if exact else None))

    def _template(self, path: Path) -> None:
        tree = jinja2.Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "say":
                key = call.args[0]
                assert isinstance(key, nodes.Const), f"{path.name}:{call.lineno}: a template names its keys"
                self.keys.add(key.value)
                given = None if call.dyn_kwargs is not None else {word.key for word in call.kwargs}
                self.calls.append((f"{path.name}:{call.lineno}", key.value, given))


def is_key(text: str) -> bool:
    module, dot, _ = text.partition(".")
    if re.search(r"\.(html|j2|sarif|xml|yaml)$", text):
        return False
    return bool(dot) and module in MODULES and bool(re.fullmatch(r"([\w-]+\.)+[\w-]+", text))


def _pattern(node: ast.JoinedStr) -> str:
    parts = (re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[^.]+" for part in node.values)
    return "".join(parts)


@pytest.fixture(scope="module")
def uses() -> Uses:
    return Uses()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_is_missing(language: str, uses: Uses) -> None:
    keys = set(read(language).sentences)
    assert uses.keys - keys == set()
    assert [pattern for pattern in uses.patterns if not any(re.fullmatch(pattern, key) for key in keys)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_is_unused(language: str, uses: Uses) -> None:
    asked = re.compile("|".join([*map(re.escape, uses.keys), *uses.patterns]))
    assert [key for key in read(language).sentences if not asked.fullmatch(key)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_gets_the_fields_that_it_names(language: str, uses: Uses) -> None:
    assert len(uses.calls) > 200
    wrong = {
        f"{where}: {key} needs {sorted(fields(read(language).sentence(key)))}, is given {sorted(given)}"
        for where, key, given in uses.calls
        if given is not None and given != fields(read(language).sentence(key))
    }
    assert wrong == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_plain_data(language: str) -> None:
    sentences = read(language).sentences
    for path in (RENDER / "words" / language).glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
                 if isinstance(target, ast.Name)]
        assert set(names) <= {"WORDS", "NBSP"}
        assert all(isinstance(node, (ast.Expr, ast.Assign)) for node in tree.body)
    for key, sentence in sentences.items():
        assert all(name.isidentifier() for name in fields(sentence)), key
        assert sentence.strip() == sentence or key.startswith("charts.row."), f"{key}: blanks at an end"
        assert sentence, key


def test_a_missing_key_and_a_missing_field_are_errors() -> None:
    with pytest.raises(LookupError, match=r'no sentence has the key "verdict\.nothing" in the language en'):
        say("verdict.nothing")
    with pytest.raises(LookupError, match=r"the sentence \"verdict.exit\" needs the field 'meaning'"):
        say("verdict.exit", code="0")
    with pytest.raises(LookupError, match='no words for the language "tlh"'):
        read("tlh")


def test_a_field_is_filled_in_once() -> None:
    assert fill("x", "a {b} c", {"b": "{c}", "c": "never"}) == "a {c} c"


def test_a_section_adds_words_under_its_name_alone() -> None:
    words = Catalogue({"cost.title": "Cost"}).with_section("energy", {"title": "Energy", "cost.title": "Other"})
    assert (words.say("energy.title"), words.say("cost.title")) == ("Energy", "Cost")


def test_what_a_plugin_brings_is_taken_in_the_chosen_language(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"de": "Satz", "en": "sentence", "cs": "věta"}
    assert in_language(texts) == "sentence"
    monkeypatch.setattr(catalogue, "LANGUAGE", "de")
    assert in_language(texts) == "Satz"
    monkeypatch.setattr(catalogue, "LANGUAGE", "tlh")
    assert in_language(texts) == "sentence"
    assert in_language({"de": "Satz", "cs": "věta"}) == "věta"
    assert in_language({}) is None


class Texts(HTMLParser):
    """What a reader sees or hears of a template: texts between tags, and attributes that are read aloud."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in {"aria-label", "title", "alt", "placeholder"}]

    def handle_data(self, data: str) -> None:
        if self.cdata_elem != "style":
            self.found.append(data)


def markup(path: Path) -> str:
    """A template's markup, a blank in place of each expression, comment and statement."""
    parts, inside = [], False
    for _, kind, value in jinja2.Environment().lex(path.read_text(encoding="utf-8")):
        inside = kind.endswith("_begin") or (inside and not kind.endswith("_end"))
        if kind == "data":
            parts.append(value)
        elif kind.endswith("_end"):
            parts.append(" ")
    return "".join(parts)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_words(path: Path) -> None:
    assert [text for text in Texts(markup(path)).found if re.search(r"[A-Za-z]", text)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_expressions_of_templates_hold_keys_classes_and_marks(path: Path) -> None:
    css = set(re.findall(r"\.([a-z][\w-]*)", (RENDER / "assets" / "style.css").read_text(encoding="utf-8")))
    known = css | {"pass", "fail", "error", "macros.html.j2"} | {path.name for path in TEMPLATES}
    tree = jinja2.Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
    texts = [node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str)]
    words = [text for text in texts if re.search(r"[A-Za-z]", text) and not is_key(text)]
    assert [text for text in words if not set(text.split()) <= known] == []


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Texts of a module but for its docstrings, annotations and the messages of its errors."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            skipped.update(ast.walk(part) if part is not None else ())
        if isinstance(node, ast.Raise):
            skipped.update(ast.walk(node))
        if isinstance(node, ast.Dict):
            skipped.update(key for key in node.keys if isinstance(key, ast.Constant) and str(key.value).isidentifier()
                           and str(key.value)[0].islower())
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and node not in skipped:
            skipped.update(node.values)
            yield node.lineno, "".join(str(getattr(part, "value", "")) if isinstance(part, ast.Constant) else FIELD
                                       for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped:
            yield node.lineno, node.value


def is_sentence(text: str) -> bool:
    """Several words, or a word with a capital: not a key, a class, a name of XML or JSON, a file or a pattern."""
    if text in NOT_SENTENCES or re.search(r"[\\<>$^]|^--|://", text):
        return False
    words = re.search(r"[A-Za-zﬁ’]{2,}[,:;]? +[A-Za-zﬁ]{2,}", text) and re.search(r"\b[A-Za-z]{2,}\b", text)
    return bool(words or re.match(r"\W*[A-Z][a-z’]+\b", text))


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.stem)
def test_modules_hold_no_sentences(path: Path) -> None:
    assert [f"{path.name}:{line}: {text}" for line, text in literals(path) if is_sentence(text)] == []


NAMES = {
    "anchor", "area", "assets", "attribution", "auditkit", "blue", "chart", "clean", "end", "failure", "failures",
    "finding", "green", "group", "held", "json", "learnt", "magenta", "middle", "not-measured", "note", "plain",
    "printf", "problem", "properties", "property", "red", "rollout", "say", "section", "sh", "skipped", "start", "yaml",
    "strip", "system-out", "testcase", "tests", "testsuite", "testsuites", "text-classification",
    "token-classification", "tool", "transformers", "utf-8", "warning", "yellow",
}
"""Single words that are names: of elements, anchors, colours, libraries, formats."""


def names() -> set[str]:
    """Names that the code may bear: of fields and values of records, and parts of keys."""
    records = [item for item in vars(auditkit.schema).values() if isinstance(item, type) and issubclass(item, Record)]
    known = NAMES | {field for record in records for field in record.model_fields}
    for path in (PACKAGE / "schema").glob("*.py"):
        known |= set(re.findall(r'"([a-z][\w-]*)"', path.read_text(encoding="utf-8")))
    sentences = read("en").sentences
    known |= {name for sentence in sentences.values() for name in fields(sentence)}
    return known | {part for key in sentences for part in key.split(".")} | MODULES


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.stem)
def test_single_words_of_modules_are_names(path: Path) -> None:
    known = names()
    words = [f"{path.name}:{line}: {text}" for line, text in literals(path)
             if re.fullmatch(r"[a-z][a-z-]+", text) and text not in known]
    assert words == []


def test_the_search_for_sentences_finds_them(tmp_path: Path) -> None:
    module, template = tmp_path / "module.py", tmp_path / "template.j2"
    module.write_text(
        '"""Doc string."""\nx: "An annotation" = f"{1} of {2}"\ny = "Samples"\nraise X("bad it is")\n'
        'z = ("some-class", "dict_key", f"{x}.key", f"{x} {y}", f"[{x}]")\n'
    )
    assert [text for _, text in literals(module) if is_sentence(text)] == [f"{FIELD} of {FIELD}", "Samples"]
    template.write_text('<p aria-label="Words">{{ say("a.b") }}<b>Other {% if x %}ones{% endif %}</b></p>{# no #}')
    assert [text for text in Texts(markup(template)).found if re.search("[A-Za-z]", text)] == ["Words", "Other  ones "]


def test_the_language_is_chosen_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "LANGUAGE", "tlh")
    with pytest.raises(LookupError, match='no words for the language "tlh"'):
        say("verdict.exit", code="0", meaning="x")
