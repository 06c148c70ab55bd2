"""Saved predictions: every fault of the file is one line that names file and line; nothing is filled in."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from auditkit.errors import FormatError, MeasurementError, ModelError, UsageError
from auditkit.models.adapter import PackRows
from auditkit.models.scripted.predictions import Predictions
from auditkit.schema import Benchmark, Choice, MetricUse, Output, Request, Sample, Source

RULES = ("loglikelihood", "letter", "label")


def card(name: str, request: str = "choose", rules: tuple[str, ...] = RULES) -> Benchmark:
    return Benchmark(
        name=name, version=1, title=name, measures="m", limits="l", license="x", source="s", citation="c",
        language="en", request=request, rules=rules, files=("rows.jsonl",), clusters=("template",),
        metrics=(MetricUse(metric="accuracy", arm="all"),), rows=1, sha256="0" * 64,
    )


def sample(pack: str, row: str, choices: tuple[tuple[str, str], ...] = (), **fields: Any) -> Sample:
    return Sample(
        id=f"{pack}/{row}", benchmark=pack, origin=row, source=Source(file="rows.jsonl", line=1),
        choices=tuple(Choice(text=text, label=label) for text, label in choices), **fields,
    )


QA = (("the clerk", "stereotype"), ("the guest", "anti"), ("Unknown", "unknown"))
PACKS = {
    "qa": card("qa"), "pairs": card("pairs", "compare", ("loglikelihood", "pseudo_loglikelihood")),
    "free": card("free", "generate", ("text",)), "kind": card("kind", "classify", ("probabilities", "loglikelihood")),
    "names": card("names", "tag", ("tags", "text")), "quiz": card("quiz", "extract", ("span", "text")),
    "stars": card("stars", "classify", ("number",)), "moods": card("moods", "classify", ("probabilities",)),
    "near": card("near", "choose", ("similarity",)),
}
ROWS = [
    sample("qa", "1", QA), sample("qa", "2", QA), sample("qa", "both", QA), sample("pairs", "both", QA[:2]),
    sample("free", "w"), sample("kind", "k", (("good", "pos"), ("bad", "neg")), target="pos"),
    sample("qa", "odd", (("B", "A"), ("A", "B"))),
    sample("names", "n", words=("Mary", "in", "Oslo")), sample("quiz", "q", input={"passage": "Mary lives in Oslo."}),
    sample("quiz", "none", input={"passage": "Mary lives in Oslo."}), sample("stars", "s", target="2.5"),
    sample("moods", "m", (("sad", "sad"), ("mad", "mad"))), sample("near", "f", QA[:2]),
]


def place(path: Path, content: str) -> Predictions:
    path.write_text(content, encoding="utf-8")
    return Predictions(path, PackRows(PACKS, ROWS, ["claims"]))


def jsonl(tmp_path: Path, *lines: dict[str, Any]) -> Predictions:
    return place(tmp_path / "p.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


def answers(predictions: Predictions, *names: str) -> list[Output]:
    asked = {name: Request(kind="choose", rule="saved", text=name) for name in names}
    by_id = {item.id: item for item in ROWS}
    adapter = predictions.adapter({asked[name].sha256: by_id[name] for name in names})
    return list(adapter.execute(adapter.encode(list(asked.values()))))


def test_each_column_becomes_its_value(tmp_path: Path) -> None:
    predictions = jsonl(
        tmp_path, {"id": "qa/1", "answer": "B"}, {"id": "2", "scores": [-1, 0.5, 2]},
        {"id": "qa/both", "probabilities": {"anti": 0.75, "unknown": 0.25}}, {"id": "pairs/both", "scores": [1, 2]},
        {"id": "w", "text": ""}, {"id": "k", "error": "no\nconnection"}, {"id": "claims/x", "answer": "true"},
    )
    found = answers(predictions, "qa/1", "qa/2", "qa/both", "pairs/both", "free/w", "kind/k")
    assert found[0].text == "B"
    assert [option.sum for option in found[1].answer.options] == [-1, 0.5, 2]
    assert found[2].answer.classes == {"anti": 0.75, "unknown": 0.25}
    assert [option.sum for option in found[3].answer.options] == [1, 2]
    assert (found[4].text, found[4].error) == ("", None)
    assert (found[5].text, found[5].error) == (None, "no connection")
    assert not predictions.holds(ROWS[-1])


def test_csv_says_the_same(tmp_path: Path) -> None:
    table = (
        'id,answer,scores.0,scores.1,scores.2,probabilities.anti,text\n'
        'qa/1,"A, I think",,,,,\nqa/2,,-1,0.5,2e0,,\nqa/both,,,,,0.75,\nw,,,,,,"two\nlines"\n'
    )
    predictions = place(tmp_path / "p.csv", table)
    found = answers(predictions, "qa/1", "qa/2", "qa/both", "free/w")
    assert found[0].text == "A, I think"
    assert [option.sum for option in found[1].answer.options] == [-1, 0.5, 2]
    assert found[2].answer.classes == {"anti": 0.75}
    assert found[3].text == "two\nlines"


def test_tags_spans_and_numbers(tmp_path: Path) -> None:
    predictions = jsonl(
        tmp_path, {"id": "names/n", "tags": ["B-per", "O", "B-loc"]}, {"id": "q", "span": "Oslo"},
        {"id": "quiz/none", "span": ""}, {"id": "s", "number": -1.5}, {"id": "k", "text": "the label is pos"},
        {"id": "m", "probabilities": {"sad": 0.9, "mad": 0.8}},
    )
    asked = [Request(kind="extract", rule="span", text=name, text_pair="Mary lives in Oslo.") for name in "abcdef"]
    rows = {item.id: item for item in ROWS}
    names = ["names/n", "quiz/q", "quiz/none", "stars/s", "kind/k", "moods/m"]
    adapter = predictions.adapter({r.sha256: rows[name] for r, name in zip(asked, names, strict=True)})
    tags, span, nothing, number, text, moods = adapter.execute(adapter.encode(asked))
    assert tags.answer.tags == ("B-per", "O", "B-loc")
    assert (span.answer.text, span.answer.start, span.answer.end, span.answer.score) == ("Oslo", 14, 18, None)
    assert (nothing.answer.text, nothing.answer.start, nothing.answer.end) == ("", 0, 0)
    assert number.answer.value == -1.5
    assert text.text == "the label is pos"
    assert moods.answer.classes == {"sad": 0.9, "mad": 0.8}
    assert [predictions.rule(PACKS[name]) for name in ("names", "quiz", "stars", "kind", "moods")] == [
        "tags", "span", "number", "saved", "saved"
    ]


def test_what_was_written_goes_by_the_rule_text(tmp_path: Path) -> None:
    predictions = jsonl(tmp_path, {"id": "names/n", "text": "per: Mary"}, {"id": "q", "text": "in Oslo"},
                        {"id": "quiz/none", "error": "lost"})
    assert [predictions.rule(PACKS[name]) for name in ("names", "quiz")] == ["text", "text"]


def test_tags_spans_and_numbers_in_csv(tmp_path: Path) -> None:
    table = "id,tags,span,number\nn,B-per O B-loc,,\nq,,lives in Oslo,\ns,,,1e-1\n"
    predictions = place(tmp_path / "p.csv", table)
    asked = [Request(kind="tag", rule="tags", text=name) for name in "abc"]
    rows = {item.id: item for item in ROWS}
    ids = ["names/n", "quiz/q", "stars/s"]
    adapter = predictions.adapter({r.sha256: rows[name] for r, name in zip(asked, ids, strict=True)})
    tags, span, number = adapter.execute(adapter.encode(asked))
    assert (tags.answer.tags, span.answer.text, number.answer.value) == (("B-per", "O", "B-loc"), "lives in Oslo", 0.1)


def test_the_fingerprint_is_the_hash_of_the_file(tmp_path: Path) -> None:
    adapter = jsonl(tmp_path, {"id": "qa/1", "answer": "B"}).adapter({})
    assert adapter.subject.fingerprint == hashlib.sha256((tmp_path / "p.jsonl").read_bytes()).hexdigest()
    assert not adapter.cacheable


def test_the_rule_is_saved_unless_the_file_names_one(tmp_path: Path) -> None:
    predictions = jsonl(tmp_path, {"id": "qa/1", "scores": [1, 2, 3], "rule": "loglikelihood"})
    assert [predictions.rule(PACKS[name]) for name in ("qa", "pairs", "free")] == ["loglikelihood", "saved", "text"]


def test_a_request_of_no_line_is_not_answered(tmp_path: Path) -> None:
    adapter = jsonl(tmp_path, {"id": "qa/1", "answer": "B"}).adapter({})
    with pytest.raises(MeasurementError, match="no line"):
        list(adapter.execute(adapter.encode([Request(kind="choose", rule="saved", text="x")])))


def test_samples_that_ask_the_same_must_be_answered_alike(tmp_path: Path) -> None:
    predictions = jsonl(tmp_path, {"id": "qa/1", "answer": "A"}, {"id": "qa/2", "answer": "B"})
    predictions.agree(ROWS[0], ROWS[0])
    with pytest.raises(ModelError, match=r"p\.jsonl:2: qa/2 asks exactly what qa/1 .*p\.jsonl:1"):
        predictions.agree(ROWS[0], ROWS[1])


GOOD = '{"id": "qa/1", "answer": "A"}\n'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "qa/3", "answer": "A"}', r'no audited pack has a row "qa/3"; did you mean "qa/'),
        ('{"id": "other/zzzz", "answer": "A"}', 'no audited pack has a row "other/zzzz"'),
        ('{"id": "both", "answer": "A"}', '"both" is a row of 2 packs; write qa/both or pairs/both'),
        ('{"id": "1", "answer": "A"}', r'"qa/1" was answered at .*p\.jsonl:1'),
        ('{"id": "qa/2"}', "exactly one of answer, .*; it has none"),
        ('{"id": "qa/2", "answer": null}', "it has none"),
        ('{"id": "qa/2", "answer": "A", "scores": [1, 2, 3]}', "it has answer and scores"),
        ('{"answer": "A"}', '"id" is missing'),
        ('{"id": 2.5, "answer": "A"}', '"id" is missing or not text'),
        ('{"id": "qa/2", "anwser": "A"}', 'unknown column "anwser"; did you mean "answer"'),
        ('{"id": "qa/2", "answer": 1}', '"answer" must be text'),
        ('{"id": "qa/2", "scores": [1, 2]}', '"scores" holds 2 numbers for 3 options'),
        ('{"id": "qa/2", "scores": [1, 2, NaN]}', r'"scores\.2" is not finite'),
        ('{"id": "qa/2", "scores": [1, 2, 1e999]}', r'"scores\.2" is not finite'),
        ('{"id": "qa/2", "scores": [1, 2, true]}', r'"scores\.2" must be a number'),
        ('{"id": "qa/2", "scores": 3}', '"scores" must be a list'),
        ('{"id": "qa/2", "probabilities": {"anti": 1.2}}', "sum to at most 1"),
        ('{"id": "qa/2", "probabilities": {"anti": -0.2}}', "at least 0"),
        ('{"id": "qa/2", "probabilities": {}}', "must map each label"),
        ('{"id": "qa/2", "text": "A"}', '"text" answers no choose row; use answer or scores'),
        ('{"id": "free/w", "answer": "A"}', '"answer" answers no generate row; use text'),
        ('{"id": "qa/2", "answer": "A", "answer": "B"}', '"answer" is given twice'),
        ('{"id": "qa/2", "answer": "A"', "not valid JSON at column"),
        ("[1]", "expected a JSON object, found list"),
        ("", "the line is empty"),
        ('{"id": "qa/2", "answer": "A", "rule": "letters"}', 'qa has no rule "letters"; it has: loglikelihood'),
        ('{"id": "qa/2", "answer": "A", "rule": "letter"}', '"rule" is "letter", but "saved" on other lines of qa'),
        ('{"id": "pairs/both", "answer": "A", "rule": "loglikelihood"}', 'goes with "scores", not with "answer"'),
        ('{"id": "qa/odd", "answer": "A"}', '"A" is the label of option A .* and the text of option B'),
        ('{"id": "qa/2", "error": " "}', '"error" is empty'),
        ('{"id": "f", "scores": [0.5, 1.5], "rule": "similarity"}', "a similarity lies between -1 and 1"),
        ('{"id": "n", "tags": ["O", "O"]}', '"tags" holds 2 for 3 words; give one a word'),
        ('{"id": "n", "tags": "O O O"}', '"tags" must be a list of tags'),
        ('{"id": "n", "tags": ["O", "", "O"]}', '"tags" must be a list of tags'),
        ('{"id": "q", "span": "Bergen"}', '"span" is not in the passage; copy it letter by letter, or write "text"'),
        ('{"id": "q", "span": ["Oslo"]}', '"span" must be text'),
        ('{"id": "s", "number": "high"}', '"number" must be a number'),
        ('{"id": "s", "number": NaN}', '"number" is not finite'),
        ('{"id": "qa/2", "number": 1}', '"number" answers no choose row'),
        ('{"id": "k", "probabilities": {"pos": 0.9, "neg": 0.8}}', "sum to at most 1"),
        ('{"id": "q", "text": "Oslo", "rule": "span"}', 'rule "span" goes with "span", not with "text"'),
    ],
)
def test_faults_are_named_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        place(tmp_path / "p.jsonl", GOOD + line + "\n" + '{"id": "w", "text": "x"}\n')
    assert str(caught.value).startswith(f"{tmp_path}/p.jsonl:2: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("id,answer\nqa/1\n", r"p\.csv:2: 1 cell under 2 columns"),
        ("id,answer,answer\nqa/1,A,B\n", r'p\.csv:1: the column "answer" is given twice'),
        ("id,scores.0,scores.2\nqa/1,1,2\n", r'p\.csv:2: "scores" has a gap'),
        ("id,scores.0\nqa/1,high\n", r"p\.csv:2: \"scores\.0\": 'high' is not a number"),
        ("id,scores.0\nqa/1,nan\n", r'p\.csv:2: "scores\.0" is not finite'),
        ('id,scores\nqa/1,"[1, 2]"\n', r"p\.csv:2: .*a column each"),
        ("id,scores.x\nqa/1,1\n", r'p\.csv:2: unknown column "scores\.x"'),
        ('id,answer\n"qa/1,A\n', r"p\.csv:2: not valid CSV"),
        ("id,text\nw,\n", r"p\.csv:2: .*it has none"),
        ("", r"p\.csv: the file is empty"),
    ],
)
def test_faults_of_csv(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        place(tmp_path / "p.csv", table)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_bytes(GOOD.encode() + b'{"id": "\xff"}\n')
    faults = {"p.jsonl": "p.jsonl:2: byte .* is not UTF-8", "q.jsonl": "no such file", "p.txt": "jsonl, .csv or"}
    for name, message in faults.items():
        with pytest.raises(FormatError if name == "p.jsonl" else ModelError, match=message):
            Predictions(tmp_path / name, PackRows(PACKS, ROWS))


CLASSES = {"mood": card("mood", "classify", ("probabilities",))}
MOODS = [sample("mood", str(row), (("good", "pos"), ("bad", "neg")), target="pos") for row in range(4)]
"""Rows of two classes, each with a word for it."""


def moods(tmp_path: Path, *lines: dict[str, Any]) -> tuple[list[Any], str]:
    """The answers to the rows of `MOODS` that have one, and what was said of the file."""
    path = tmp_path / "m.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    predictions = Predictions(path, PackRows(CLASSES, iter(MOODS)))  # rows may be read once
    asked = {row.id: Request(kind="classify", rule="saved", text=row.id) for row in MOODS if predictions.holds(row)}
    adapter = predictions.adapter({asked[row.id].sha256: row for row in MOODS if row.id in asked})
    outputs = adapter.execute(adapter.encode(list(asked.values())))
    return [output.answer for output in outputs], adapter.subject.parts.get("read", "")


@pytest.mark.parametrize("label", ["pos", "neg"])
def test_one_probability_of_two_classes_leaves_the_rest_to_the_other(label: str, tmp_path: Path) -> None:
    other = {"pos": "neg", "neg": "pos"}[label]
    lines = [{"id": str(row), "probabilities": {label: share}} for row, share in enumerate((0.9, 0.2))]
    answers, said = moods(tmp_path, *lines)
    assert [answer.classes for answer in answers] == [
        {label: 0.9, other: pytest.approx(0.1)}, {label: 0.2, other: pytest.approx(0.8)}]
    assert said == "2 answers give the probability of one class of two; the other has the rest"


def test_probabilities_that_do_not_tell_the_class_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="are of 1, and the rows hold neg, pos; name the classes as the rows do"):
        moods(tmp_path, {"id": "0", "probabilities": {"1": 0.9}})
    rows = [sample("mood", "0", (("a", "a"), ("b", "b"), ("c", "c")), target="a")]
    path = tmp_path / "m.jsonl"
    path.write_text('{"id": "0", "probabilities": {"a": 0.4}}\n', encoding="utf-8")
    with pytest.raises(ModelError, match=r"leave 0\.60 to other classes.*write one for each of a, b, c"):
        Predictions(path, PackRows(CLASSES, rows))
    path.write_text('{"id": "0", "probabilities": {"a": 0.6}}\n', encoding="utf-8")
    assert Predictions(path, PackRows(CLASSES, rows)).holds(rows[0])


def test_a_class_that_no_row_holds_is_an_answer_and_is_said(tmp_path: Path) -> None:
    answers, said = moods(
        tmp_path, {"id": "0", "answer": "pos"}, {"id": "1", "answer": "mixed"}, {"id": "2", "answer": "neg"},
        {"id": "3", "answer": "nan"},
    )
    assert [answer.kind for answer in answers] == ["text", "class", "text", "text"]
    assert said == "1 answers name a class that no row holds (mixed): each is wrong"
    answers, _ = moods(tmp_path, {"id": "0", "answer": "It depends"}, {"id": "1", "answer": "mixed"})
    assert [answer.kind for answer in answers] == ["text", "text"]


def test_answers_about_other_rows_are_counted(tmp_path: Path) -> None:
    lines = [{"id": str(row), "answer": "pos"} for row in range(6)]
    answers, said = moods(tmp_path, *lines)
    assert (len(answers), said) == (4, "2 answers are about rows that are not audited, the first 4")
    with pytest.raises(ModelError, match='no audited pack has a row "7"'):
        moods(tmp_path, {"id": "0", "answer": "pos"}, {"id": "7", "answer": "pos"})


@pytest.mark.parametrize("content", ["Unnamed: 0,id,answer\n0,0,pos\n", ",id,answer\n0,0,pos\n", "id;answer\n0;pos\n"])
def test_index_columns_and_separators_of_answers(content: str, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(content, encoding="utf-8")
    assert Predictions(path, PackRows(CLASSES, MOODS)).holds(MOODS[0])
