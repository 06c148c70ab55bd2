"""Samples to requests: model-independent text, rendered for the rule that the adapter offers."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

from auditkit.errors import PackError
from auditkit.load.prompts import fill, named
from auditkit.load.scrambled import after_first_word
from auditkit.load.shared_words import shared
from auditkit.schema import FORMAT, PLAUSIBILITY, Benchmark, Generation, Option, Request, Sample, Template

LETTER = Generation(max_tokens=32)
"""Room for an answer by letter, or for a refusal that can be told from one."""
TEXT = Generation(max_tokens=128)
BARE = ("label", "probabilities", "number", "tags", "span", "vector", "similarity")
"""Rules of models that read a text as it is, without a prompt around it."""


def choose_rule(card: Benchmark, offered: Sequence[str], wanted: str | None = None) -> str | None:
    """The first of the card's rules that the adapter offers for the card's kind of request.

    Args:
        card: the benchmark.
        offered: the adapter's rules for that kind.
        wanted: the only rule that will do, where the configuration names one.

    Returns:
        The rule, or `None` where the model family cannot answer this benchmark, or not by the wanted rule.
    """
    return next((rule for rule in card.rules if rule in offered and wanted in (None, rule)), None)


def build(card: Benchmark, rule: str, samples: Sequence[Sample]) -> list[Request]:
    """One request a sample, in order.

    `choose` asks with the filled template and offers the choices as continuations, each with the template's delimiter
    before it. `compare` offers whole texts and marks the words that they share. A model without prompts (rules in
    `BARE`) reads the input fields alone: an instruction would be part of what it classifies. Text rules (`letter`,
    `text`) carry decoding parameters.

    Raises:
        PackError: a field of the template that a sample lacks, or texts that share no word; names file and line.
    """
    requests = []
    for sample in samples:
        try:
            requests.append(_compare(rule, sample) if card.request == "compare" else _ask(card, rule, sample))
        except PackError as error:
            raise PackError(f"{card.name}/{sample.source.file}:{sample.source.line}: {error}") from None
    return requests


def prompt(card: Benchmark, sample: Sample, rule: str = "") -> tuple[str, str]:
    """The filled user turn and the prefix of the answer; both empty for a card without templates.

    Under the rule `letter`, `{option_1}` is filled with the letter before the text: `A. the clerk`. `{options}` holds
    all of them, a line each.
    """
    if not card.templates:
        return "", ""
    letters = [f"{letter}. " for letter in ascii_uppercase] if rule == "letter" else [""] * len(sample.choices)
    if len(sample.choices) > len(letters):
        raise PackError(f'"{sample.id}": {len(sample.choices)} choices; at most {len(letters)} can be shown')
    lettered = enumerate(zip(letters, sample.choices, strict=False), start=1)
    options = {f"option_{i}": letter + choice.text for i, (letter, choice) in lettered}
    fields = {"options": "\n".join(options.values()), **sample.input, **options}
    template = template_of(card, sample)
    text = template.letter if rule == "letter" and template.letter else template.text
    return fill(text, fields), fill(template.prefix, fields)


def template_of(card: Benchmark, sample: Sample) -> Template:
    """The card's template, or the format in which a variant of the sample is asked."""
    if not sample.variant.startswith(FORMAT):
        return card.templates[0]
    return card.formats[int(sample.variant.removeprefix(FORMAT)) - 2]


def _ask(card: Benchmark, rule: str, sample: Sample) -> Request:
    template = template_of(card, sample)
    if rule in BARE:
        text, text_pair = bare(card.templates[0], sample)
        inputs = card.templates[0].inputs
        if card.request == "classify" and len(inputs) == 2 and not text_pair.strip():
            raise PackError(f'"input.{inputs[1]}" is empty; a pair needs two texts')
        return Request(
            kind=card.request, rule=rule, text=text, text_pair=text_pair, words=sample.words,
            options=_options(sample, ""),
        )
    text, prefix = prompt(card, sample, rule)
    if card.request == "generate" or rule == "text":
        return Request(kind=card.request, rule=rule, text=text, prefix=prefix, generation=card.generation or TEXT)
    if rule == "letter":
        options = _options(sample, "")
        return Request(kind=card.request, rule=rule, text=text, prefix=prefix, options=options, generation=LETTER)
    return Request(kind=card.request, rule=rule, text=text, prefix=prefix, options=_options(sample, template.delimiter))


def bare(template: Template, sample: Sample) -> tuple[str, str]:
    """The text and the second text that a model without prompts reads; the second is empty where there is one text.

    Raises:
        PackError: a field of the template's `inputs` that the sample lacks.
    """
    for name in template.inputs:
        if name not in sample.input:
            raise PackError(f'"input.{name}" is missing; the card\'s template names it in "inputs"')
    if template.inputs:
        first, *second = (sample.input[name] for name in template.inputs)
        return first, "".join(second)
    fields = [name for name in named(template.text) if name in sample.input] or list(sample.input)
    return "\n".join(sample.input[name] for name in fields), ""


def _options(sample: Sample, delimiter: str) -> tuple[Option, ...]:
    return tuple(Option(text=delimiter + choice.text) for choice in sample.choices)


def _compare(rule: str, sample: Sample) -> Request:
    texts = [choice.text for choice in sample.choices]
    spans = after_first_word(texts) if sample.arm == PLAUSIBILITY else shared(texts)
    if not all(spans):
        raise PackError(f'"{sample.id}": its texts share no word, so there is nothing to compare; rewrite the pair')
    options = tuple(Option(text=text, spans=ranges) for text, ranges in zip(texts, spans, strict=True))
    return Request(kind="compare", rule=rule, options=options)
