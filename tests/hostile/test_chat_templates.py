"""Chat templates that drop or change what a model is asked, or run for ever: the model is refused in one line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditkit.errors import ModelError
from auditkit.models.causal import chat
from auditkit.models.causal.chat import authored, render_chat
from auditkit.schema import Option, Request

TURN = "{% for m in messages %}<|{{ m.role }}|> "
END = "{% endfor %}"
DROPPING = {
    "parts alone": TURN + "{% if m.content is not string %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endif %}"
    + END,
    "a constant": TURN + "hello" + END,
    "nothing at all": "",
    "the system turn alone": "{% for m in messages if m.role == 'system' %}{{ m.content }}" + END,
    "the first characters": TURN + "{{ m.content[:20] }}" + END,
    "the last characters": TURN + "{{ m.content[-20:] }}" + END,
    "lower case": TURN + "{{ m.content | lower }}" + END,
    "title case": TURN + "{{ m.content | title }}" + END,
    "escaped": TURN + "{{ m.content | e }}" + END,
    "the first line": TURN + "{{ m.content.split('\\n')[0] }}" + END,
    "no letters with accents": TURN + "{{ m.content.encode('ascii', 'ignore').decode() }}" + END,
    "as JSON with escapes": TURN + "{{ m.content | tojson(ensure_ascii=true) }}" + END,
    "words in reverse": TURN + "{{ m.content.split() | reverse | join(' ') }}" + END,
    "a longer number": TURN + "{{ m.content.replace('1,234.5', '9') }}" + END,
}
ENDLESS = {
    "nested loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}"
    "{% endfor %}{% endfor %}{% endfor %}",
    "a power": "{{ 10 ** (10 ** 10) }}",
    "a repeated string": "{{ 'x' * 10 ** 10 }}",
    "a repeated list": "{{ ([0] * 10 ** 10) | length }}",
    "a width of a format": "{{ '%9999999999d' % 1 }}",
    "a width of str.format": "{{ '{:9999999999}'.format(1) }}",
    "a filter's width": "{{ 'x' | center(9999999999) }}",
    "an indent": "{{ 'x\n' * 9 | indent(10 ** 10) }}",
    "a rounding": "{{ 1.5 | round(10 ** 9, 'ceil') }}",
    "doubled strings": "{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "doubled lists": "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "a replacement": "{{ ('x' * 10 ** 6).replace('x', 'y' * 10 ** 6) }}",
    "a recursive macro": "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
    "a sum in a loop": "{% for a in range(99999) %}{% set b = range(99999) | sum %}{% endfor %}",
    "a long output": "{{ messages[0].content }}{% for a in range(99999) %}{{ 'xxxxxxxxxxxxxxxxxxx' }}{% endfor %}",
}


class Tokenizer:
    """As much of a tokenizer as a template sees."""

    def __init__(self, template: str) -> None:
        self.template = template
        self.special_tokens_map = {"bos_token": "<s>"}

    def get_chat_template(self) -> str:
        return self.template


@pytest.mark.parametrize("name", DROPPING)
def test_a_template_that_drops_or_changes_the_text(name: str) -> None:
    text = "Which of “A<b> & C” is it: 1,234.5 or\n- naïve, Ünïcode; {braces}?"
    with pytest.raises(ModelError, match="does not pass on what it is asked") as refusal:
        render_chat(Tokenizer(DROPPING[name]), text)
    assert "\n" not in str(refusal.value)


@pytest.fixture(scope="module")
def impatient() -> Iterator[chat.TemplateProcess]:
    process = chat.TemplateProcess(seconds=0.5)
    yield process
    process.close()


@pytest.mark.parametrize("name", ENDLESS)
def test_a_template_without_end(name: str, impatient: chat.TemplateProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "_PROCESS", impatient)
    begun = time.monotonic()
    with pytest.raises(ModelError, match=r"chat template fails .*use chat: never") as refusal:
        render_chat(Tokenizer(ENDLESS[name]), "hello")
    assert time.monotonic() - begun < 20
    assert "\n" not in str(refusal.value)
    assert render_chat(Tokenizer("<{{ messages[0].content }}>"), "hello") == "<hello>"


@pytest.mark.parametrize(
    "template",
    ["{{ messages[0].content }", "{% for %}", "{{ raise_exception('no') }}", "{{ messages[7].content.x.y }}",
     "{{ ''.__class__.__mro__ }}", "{% include 'x' %}", "{{ 1 / 0 }}", "{{ messages.append(1) }}"],
)
def test_a_template_that_fails(template: str) -> None:
    with pytest.raises(ModelError, match="chat") as refusal:
        render_chat(Tokenizer(template), "hello")
    assert "\n" not in str(refusal.value)


def test_white_space_and_unicode_form_do_not_matter() -> None:
    text = "One  line,\n\n  naïve"
    assert render_chat(Tokenizer("<{{ messages[0].content | trim | wordwrap(8) }}>"), text).startswith("<One")
    decomposed = "nai\u0308ve"
    assert render_chat(Tokenizer("<" + decomposed + ">{# #}"), "naïve") == f"<{decomposed}>"
    assert authored("<a>  One line,\nnaïve!", text) == ((5, 20),)
    assert authored("naïve naïve", "naïve") == ((6, 11),)
    assert authored(f"<{decomposed}>", "naïve") == ()


def test_a_prompt_that_one_row_alone_loses_stops_the_audit(text_model: Callable[[str], Any]) -> None:
    """A template may drop what only some rows hold: opening the model cannot show it."""
    adapter = text_model(TURN + "{{ m.content.replace('secret', '') }}" + END)
    options = (Option(text=" yes"), Option(text=" no"))
    asked = [Request(kind="choose", rule="loglikelihood", text=text, options=options) for text in ("a", "a secret")]
    assert adapter.encode(asked[:1])
    with pytest.raises(ModelError, match="does not pass on"):
        adapter.encode(asked)


def test_the_command_refuses_the_model(
    weights: Callable[..., Path], tmp_path: Path, command: Callable[..., int], capsys: Any
) -> None:
    folder = weights("llama", DROPPING["parts alone"])
    (tmp_path / "rows.csv").write_text("question,answers\nWho?,she\n", encoding="utf-8")
    rows, out = str(tmp_path / "rows.csv"), str(tmp_path / "out")
    assert command("audit", str(folder), "--task", "generative-qa", "--data", rows, "--out", out) == 2
    assert "does not pass on what it is asked" in capsys.readouterr().err
