"""The user's own data: read through `datasets` as they were written, and every fault named in one line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from auditkit.errors import UsageError
from auditkit.load.own_data import open_task
from auditkit.load.requests import build
from auditkit.load.training_data import read_training_rows
from auditkit.schema import Benchmark, Sample, Task

Open = Callable[..., tuple[Benchmark, list[Sample]]]
REVIEWS = "review,stars\nGreat phone,good\nBroke at once,bad\n\"Fine, really\",good\n"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)


def opened(data: str, **keys: Any) -> tuple[Benchmark, list[Sample]]:
    given = {"name": "mine", "task": "classification", "columns": {"text": "review", "label": "stars"}, **keys}
    return open_task(Task.model_validate({"data": data, **given}))


def refused(data: str, **keys: Any) -> str:
    with pytest.raises(UsageError) as caught:
        opened(data, **keys)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def written(name: str, content: str | bytes) -> str:
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def lines(*rows: Any) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def test_a_csv_becomes_a_benchmark() -> None:
    card, samples = opened(written("reviews.csv", REVIEWS))
    assert [sample.input for sample in samples] == [
        {"text": "Great phone"}, {"text": "Broke at once"}, {"text": "Fine, really"},
    ]
    assert [sample.target for sample in samples] == ["good", "bad", "good"]
    assert [(choice.label, choice.text) for choice in card.choices] == [("bad", "bad"), ("good", "good")]
    assert (card.rows, card.edition, card.files, card.request) == (3, "own", ("reviews.csv",), "classify")
    (first, *_) = build(card, "probabilities", samples)
    assert (first.text, first.prefix) == ("Great phone", "")


def test_the_cards_hash_is_that_of_the_content_and_not_of_the_file() -> None:
    one, _ = opened(written("a.csv", REVIEWS))
    rows = [{"review": "Great phone", "stars": "good"}, {"review": "Broke at once", "stars": "bad"},
            {"review": "Fine, really", "stars": "good"}]
    other, _ = opened(written("b.jsonl", lines(*rows)))
    assert one.sha256 == other.sha256
    changed, _ = opened(written("c.csv", REVIEWS.replace("Great", "great")))
    assert changed.sha256 != one.sha256


def test_cells_stay_what_they_are() -> None:
    text = "review,stars\nNA,001\nnull,1\nNone,001\n\"two\nlines \u2028 and \x85\",1\n"
    card, samples = opened(written("odd.csv", text))
    assert [sample.input["text"] for sample in samples] == ["NA", "null", "None", "two\nlines \u2028 and \x85"]
    assert [sample.target for sample in samples] == ["001", "1", "001", "1"]
    assert [choice.label for choice in card.choices] == ["001", "1"]


def test_blank_lines_are_no_rows_and_a_cell_may_be_long() -> None:
    _, samples = opened(written("b.csv", f"\nreview,stars\n\na,good\n \t\r\n{'b' * 200_000},bad\n\n"))
    assert [(len(sample.input["text"]), sample.target) for sample in samples] == [(1, "good"), (200_000, "bad")]


def test_any_script_and_emoji() -> None:
    texts = ["שלום עולם", "مرحبا بالعالم", "👩🏽‍🚀 fine", "很好", "हाँ"]
    _, samples = opened(written("x.jsonl", lines(*({"review": t, "stars": str(i % 2)} for i, t in enumerate(texts)))))
    assert [sample.input["text"] for sample in samples] == texts


def test_a_file_without_a_header() -> None:
    name = written("plain.tsv", "Great\tgood\nBad\tbad\n")
    _, samples = opened(name, header=["text", "label"], columns={})
    assert [(sample.input["text"], sample.target) for sample in samples] == [("Great", "good"), ("Bad", "bad")]


def test_labels_have_a_name_for_the_model_and_words_for_the_prompt() -> None:
    name = written("n.jsonl", lines({"review": "a", "stars": 0}, {"review": "b", "stars": 1}))
    labels = [{"value": "0", "label": "NEGATIVE", "text": "negative"}, {"value": "1", "label": "very_good"}]
    card, samples = opened(name, labels=labels)
    assert [sample.target for sample in samples] == ["NEGATIVE", "very_good"]
    (request, _) = build(card, "loglikelihood_per_byte", samples)
    assert [option.text for option in request.options] == [" negative", " very good"]


def dataset() -> datasets.Dataset:
    features = datasets.Features({
        "review": datasets.Value("string"), "stars": datasets.ClassLabel(names=["bad", "good"]),
        "tokens": datasets.List(datasets.Value("string")),
        "ner": datasets.List(datasets.ClassLabel(names=["O", "B-X"])),
    })
    rows = {"review": ["a", "b"], "stars": [1, 0], "tokens": [["New", "York"], ["x"]], "ner": [[1, 0], [0]]}
    return datasets.Dataset.from_dict(rows, features=features)


def test_a_saved_data_set_gives_its_class_names() -> None:
    dataset().save_to_disk("saved")
    card, samples = opened("saved")
    assert [sample.target for sample in samples] == ["good", "bad"]
    assert [choice.label for choice in card.choices] == ["bad", "good"]
    card, samples = opened("saved", task="tagging", columns={"words": "tokens", "tags": "ner"})
    assert [(sample.words, sample.tags) for sample in samples] == [(("New", "York"), ("B-X", "O")), (("x",), ("O",))]
    assert card.request == "tag"


def test_splits_of_a_saved_data_set_are_named() -> None:
    datasets.DatasetDict({"train": dataset(), "test": dataset().select([0])}).save_to_disk("both")
    assert refused("both") == 'both: the data set has the splits train, test; name one as "split" of the task mine'
    assert refused("both", split="tset") == 'both: there is no split "tset"; did you mean "test"?'
    _, samples = opened("both", split="test")
    assert len(samples) == 1


def test_a_folder_in_the_hubs_layout() -> None:
    Path("hub/data").mkdir(parents=True)
    dataset().to_parquet("hub/data/test-00000-of-00001.parquet")
    dataset().to_parquet("hub/data/train-00000-of-00001.parquet")
    card = "configs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train-*\n" \
           "  - split: test\n    path: data/test-*\n"
    written("hub/README.md", f"---\n{card}---\n")
    _, samples = opened("hub", split="test")
    assert [(sample.input["text"], sample.target) for sample in samples] == [("a", "good"), ("b", "bad")]
    _, samples = opened("hub/data/test-00000-of-00001.parquet")
    assert [sample.target for sample in samples] == ["good", "bad"]


def test_squads_nested_answers() -> None:
    passage = {"context": "Ada wrote it."}
    rows = [
        {"id": "q1", "question": "Who?", **passage, "answers": {"text": ["Ada", "Ada"], "answer_start": [0, 0]}},
        {"id": "q2", "question": "When?", **passage, "answers": {"text": [], "answer_start": []}},
    ]
    card, samples = opened(
        written("squad.jsonl", lines(*rows)), task="extractive-qa", columns={"answers": "answers.text", "id": "id"}
    )
    assert [sample.references for sample in samples] == [("Ada",), ()]
    assert [sample.id for sample in samples] == ["mine/q1", "mine/q2"]
    (request, _) = build(card, "span", samples)
    assert (request.text, request.text_pair) == ("Who?", "Ada wrote it.")


QA = {"task": "extractive-qa", "columns": {}}
MANY = {"task": "multi-label-classification", "columns": {}, "labels": ["x", "y"]}


@pytest.mark.parametrize(
    ("content", "keys", "role"),
    [
        (lines({"question": "q", "context": "c", "answers": None}, {"question": "r", "context": "c", "answers": ["c"]}),
         QA, "answers"),
        (lines({"question": "q", "context": "c"}, {"question": "r", "context": "c", "answers": ["c"]}), QA, "answers"),
        (lines({"text": "a", "label": None}, {"text": "b", "label": ["x"]}), MANY, "label"),
        (lines({"text": "a"}, {"text": "b", "label": ["x"]}), {**MANY, "labels": []}, "label"),
        ("question,context,answers\nq,c,\n", QA, "answers"),
        ("text,label\na,\n", MANY, "label"),
        ("text,label\na,  \n", MANY, "label"),
    ],
)
def test_a_truth_that_is_missing_is_not_taken_for_none(content: str, keys: dict[str, Any], role: str) -> None:
    name = written("f.jsonl" if content.startswith("{") else "f.csv", content)
    line = 1 if name == "f.jsonl" else 2
    message = f'{name}:{line}: "{role}" is missing; write [] if there is none, or remove the row'
    assert refused(name, **keys) == message


def test_that_nothing_holds_is_an_empty_list() -> None:
    for name, content in (
        ("f.jsonl", lines({"text": "a", "label": []}, {"text": "b", "label": ["x", "y"]})),
        ("f.csv", "text,label\na,[]\nb,x; y\n"),
    ):
        _, samples = opened(written(name, content), **MANY)
        assert [sample.references for sample in samples] == [(), ("x", "y")]
    _, samples = opened(written("q.csv", "question,context,answers\nq,c,[]\nr,c,c\n"), **QA)
    assert [(sample.references, sample.target) for sample in samples] == [((), None), (("c",), "c")]
    _, (sample,) = opened(written("p.csv", "question,answers\nEmpty list?,[]\n"), task="generative-qa", columns={})
    assert sample.target == "[]"


def test_json_by_its_other_suffixes() -> None:
    rows = [{"review": "a", "stars": "1"}, {"review": "b", "stars": "0"}]
    for name, content in (("r.json", json.dumps(rows)), ("r.ndjson", lines(*rows)), ("R.JSONL", lines(*rows))):
        _, samples = opened(written(name, content))
        assert [(sample.input["text"], sample.target) for sample in samples] == [("a", "1"), ("b", "0")]


@pytest.mark.parametrize(("cell", "keys"), [("very good;bad", {}), ("very good|bad", {"separator": "|"})])
def test_both_readers_cut_several_labels_alike(cell: str, keys: dict[str, Any]) -> None:
    name = written("f.csv", f"text,label\na,{cell}\n")
    _, (sample,) = opened(name, **{**MANY, "labels": [], **keys})
    assert sample.references == ("very good", "bad")
    if not keys:
        task = Task(name="training", task="multi-label-classification", data=name)
        (learnt,) = read_training_rows(task).samples
        assert learnt.references == sample.references


def test_words_and_tags_of_a_cell_are_cut_at_blanks() -> None:
    name = written("t.csv", "words,tags\nin  New York;,O B-X I-X\n")
    _, (sample,) = opened(name, task="tagging", columns={})
    assert (sample.words, sample.tags) == (("in", "New", "York;"), ("O", "B-X", "I-X"))


def test_translation_pairs() -> None:
    rows = [{"translation": {"de": "Guten Tag", "en": "Good day"}}]
    columns = {"source": "translation.de", "target": "translation.en"}
    _, (sample,) = opened(written("t.jsonl", lines(*rows)), task="translation", columns=columns, language="en")
    assert (sample.input, sample.references) == ({"source": "Guten Tag"}, ("Good day",))
    message = refused("t.jsonl", task="translation", columns={**columns, "target": "translation.fr"})
    assert message == 't.jsonl:1: "translation.fr": there is no "fr" in de, en'


@pytest.mark.parametrize(("answer", "other"), [
    ("B", "A"), ("Rome", "Paris"), (1, 0), (2, 1), ("1", "0"), ("2.0", "1.0"), ("(b)", "a."), ("B", "Paris"),
])
def test_multiple_choice_by_letter_text_or_number(answer: Any, other: Any) -> None:
    rows = [{"question": f"Capital of {name}?", "choices": ["Paris", "Rome"], "answer": right}
            for name, right in (("Italy", answer), ("France", other))]
    _, samples = opened(written("m.jsonl", lines(*rows)), task="multiple-choice", columns={})
    assert [(sample.labels, sample.target) for sample in samples] == [(("A", "B"), "B"), (("A", "B"), "A")]


def test_from_what_answers_count_is_told_by_the_rows_or_refused() -> None:
    def given(*answers: Any) -> str:
        rows = [{"question": f"{number}?", "choices": ["x", "y", "z"], "answer": answer}
                for number, answer in enumerate(answers)]
        return written("m.jsonl", lines(*rows))

    card, samples = opened(given(3, 1, "C", "y"), task="multiple-choice", columns={})
    assert [sample.target for sample in samples] == ["C", "A", "C", "B"]
    assert "answers are given in several ways: 1 by letter, 2 by number from 1, 1 by text" in card.limits
    assert refused(given(1, 2), task="multiple-choice", columns={}).startswith(
        'm.jsonl:1: "answer" is "1", and no row tells whether answers count from 0 or from 1; write the letter')
    assert "counts from 1 (3 of as many choices), and from 0 at m.jsonl:1" in refused(
        given(0, 3), task="multiple-choice", columns={})


def test_what_programs_write_into_one_cell_is_a_list() -> None:
    name = written("l.csv", "question,answers\nq,\"['Bern', 'City of Bern']\"\nr,['Oslo']\n")
    _, samples = opened(name, task="generative-qa", columns={})
    assert [sample.references for sample in samples] == [("Bern", "City of Bern"), ("Oslo",)]
    name = written("l.csv", "question,answers\nq,Bern|City of Bern\n")
    _, (sample,) = opened(name, task="generative-qa", columns={}, separator="|")
    assert sample.references == ("Bern", "City of Bern")
    name = written("n.csv", "text,label\na,\"['x' 'y']\"\nb,['y']\n")
    assert "without commas" in refused(name, **MANY)


def test_separator_and_quotes_of_a_table_are_found_and_said() -> None:
    card, samples = opened(written("s.csv", "text;label\na,b;1\nc;0\n"), task="classification", columns={})
    assert [sample.input["text"] for sample in samples] == ["a,b", "c"]
    assert card.limits.endswith("s.csv: cells are separated by ;.")
    card, samples = opened(written("q.tsv", 'text\tlabel\n"a\t1\nb"\t0\n'), task="classification", columns={})
    assert [sample.input["text"] for sample in samples] == ['"a', 'b"']
    assert card.limits.endswith("q.tsv: quotes are read as plain letters.")


@pytest.mark.parametrize(
    ("choices", "answer", "target"),
    [(["2", "3", "4", "5"], "3", "B"), (["B", "A"], "A", "B"), ([1, 0], 0, "B"), (["x", "A", "y"], "3", "C")],
)
def test_an_answer_that_is_a_choices_text_is_that_choice(choices: list[Any], answer: Any, target: str) -> None:
    rows = [{"question": "Which?", "choices": choices, "answer": answer}]
    _, (sample,) = opened(written("m.jsonl", lines(*rows)), task="multiple-choice", columns={})
    assert sample.target == target


def test_an_answer_that_may_be_text_or_number_is_refused_where_another_row_gives_a_number() -> None:
    rows = [{"question": "2 + 1?", "choices": ["2", "3", "4", "5"], "answer": "3"},
            {"question": "Capital of Italy?", "choices": ["Paris", "Rome"], "answer": "0"}]
    message = refused(written("m.jsonl", lines(*rows)), task="multiple-choice", columns={})
    assert message.startswith('m.jsonl:1: "answer" is "3", the text of one choice and the letter or number of ')
    assert "m.jsonl:2 gives" in message


def test_choices_in_columns() -> None:
    name = written("m.csv", "question,a,b,right\nCapital of Italy?,Paris,Rome,B\n")
    columns = {"choices": ["a", "b"], "answer": "right"}
    _, (sample,) = opened(name, task="multiple-choice", columns=columns)
    assert ([choice.text for choice in sample.choices], sample.target) == (["Paris", "Rome"], "B")


def test_the_other_tasks() -> None:
    row = {"text": "a b", "label": ["x", "y"], "summary": ["s", "t"], "question": "q", "answers": "yes sir"}
    name = written("o.jsonl", lines({**row, "value": 2.5}))
    many, (sample,) = opened(name, task="multi-label-classification", columns={}, labels=["x", "y", "z"])
    assert (sample.references, sample.target, len(many.choices)) == (("x", "y"), None, 3)
    _, (sample,) = opened(name, task="summarisation", columns={})
    assert (sample.references, sample.target) == (("s", "t"), "s")
    _, (sample,) = opened(name, task="generative-qa", columns={})
    assert sample.references == ("yes sir",)
    _, (sample,) = opened(name, task="regression", columns={"label": "value"})
    assert sample.target == "2.5"


def test_groups_clusters_and_metadata() -> None:
    name = written("g.csv", "review,stars,who,author,year\na,good,female,x,2020\nb,bad,male,x,2021\nc,bad,,y,2021\n")
    card, samples = opened(name, groups={"gender": "who"}, clusters=["author"], metadata=["year"])
    assert [sample.groups for sample in samples] == [{"gender": "female"}, {"gender": "male"}, {"gender": "unknown"}]
    assert [sample.clusters for sample in samples] == [{"author": "x"}, {"author": "x"}, {"author": "y"}]
    assert [sample.metadata["year"] for sample in samples] == ["2020", "2021", "2021"]
    assert (card.groups, card.clusters, card.metrics[0].slices, card.metrics[0].groups) == (
        ("gender",), ("author",), ("year",), True,
    )


@pytest.mark.parametrize(
    ("content", "keys", "expected"),
    [
        ("", {}, "f.csv: the file is empty; add rows"),
        ("review,stars\n", {}, "f.csv: there are no rows; add some"),
        ("reviews,stars\na,b\n", {},
         'f.csv: there is no column "review"; did you mean "reviews"? columns: reviews, stars (say which it is'),
        ("review,stars\na,good\n,bad\n", {}, 'f.csv:3: "text" is missing; fill it, or remove the row'),
        ("review,stars\na,good\n  ,bad\n", {}, 'f.csv:3: "text" is blank; fill it, or remove the row'),
        ("review,stars\na,good\nb,\n", {}, 'f.csv:3: "label" is missing; fill it, or remove the row'),
        ("review,stars\na,good\nb,good\n", {}, 'f.csv: "label" holds one class only; give all under "labels"'),
        ("review,stars\na,good,x\nb,bad,y\n", {}, "f.csv:2: 3 cells under 2 columns; a separator or a quote"),
        ("review,stars\na,good\nb,bad,y\n", {}, "f.csv:3: 3 cells under 2 columns; a separator or a quote"),
        ("review,stars\n\na,good,x\nb,bad,y\n", {}, "f.csv:3: 3 cells under 2 columns; a separator or a quote"),
        ("review,stars\n\"a\n\",good\nb\n", {}, "f.csv:4: 1 cell under 2 columns; a separator or a quote"),
        ("a,good\nb,bad,y\n", {"header": ["review", "stars"]}, "f.csv:2: 3 cells under 2 columns"),
        ("review,stars\na,good\n\"b,bad\n", {}, "f.csv:3: not valid CSV: unexpected end of data"),
        ("review,review\na,good\n", {}, 'f.csv:1: the column "review" is given twice; rename or remove one'),
        ("review,stars\na,good\nb,bda\n", {"labels": ["good", "bad"]},
         'f.csv:3: "label" is "bda", none of the classes; did you mean "bad"?'),
        ("review,stars,id\na,good,1\nb,bad,1\n", {"columns": {"text": "review", "label": "stars", "id": "id"}},
         'f.csv:3: the id "1" was given at f.csv:2; make ids unique'),
        ("review,stars\na,good\na,bad\n", {},
         "f.csv:3: asks exactly what f.csv:2 asks, but its target differs"),
        ("review,stars\na,good\n", {"columns": {"txt": "review"}}, 'classification has no "txt"; did you mean "text"?'),
        ("review,stars\na,good\n", {"split": "test"}, 'f.csv: a file has no splits; remove "split" of the task mine'),
        ("review,stars\na,good\n", {"task": "regression"}, "f.csv:2: \"label\" is 'good'; expected a number"),
        ("review,stars\na,nan\n", {"task": "regression"}, "f.csv:2: \"label\" is 'nan'; expected a number"),
        (b"review,stars\n\xff,good\n", {}, "f.csv:2: byte 1 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_a_fault_of_a_csv_is_one_line(content: str | bytes, keys: dict[str, Any], expected: str) -> None:
    assert expected in refused(written("f.csv", content), **keys)


@pytest.mark.parametrize(
    ("rows", "keys", "expected"),
    [
        ([{"review": ["a"], "stars": "good"}], {"labels": ["good", "bad"]},
         'f.jsonl:1: "text" is list ([\'a\']); expected text'),
        ([{"review": "a", "stars": None}, {"review": "b", "stars": "x"}], {}, 'f.jsonl:1: "label" is missing'),
        ([{"review": float("nan"), "stars": "x"}], {}, "f.jsonl: "),
        ([{"w": ["a", "b"], "t": ["O"]}], {"task": "tagging", "columns": {"words": "w", "tags": "t"}},
         'f.jsonl:1: "tags" holds 1 for 2 words; give one a word'),
        ([{"w": [], "t": []}], {"task": "tagging", "columns": {"words": "w", "tags": "t"}},
         'f.jsonl:1: "words" is missing; fill it, or remove the row'),
        ([{"question": "q", "choices": ["a", "b"], "answer": "C"}], {"task": "multiple-choice", "columns": {}},
         'f.jsonl:1: "answer" is "C"; expected the text, the letter (A …) or the number (from 0, '
         'or from 1) of one of 2'),
        ([{"question": "q", "choices": ["a", "a"], "answer": "A"}], {"task": "multiple-choice", "columns": {}},
         'f.jsonl:1: "choices" holds "a" twice; make the choices differ, or remove the row'),
        ([{"review": "a", "stars": "x", "m": {"deep": 1}}, {"review": "b", "stars": "y", "m": {"deep": 2}}],
         {"metadata": ["m"]}, 'f.jsonl:1: "m" is dict'),
        ([{"text": "a", "summary": ""}], {"task": "summarisation", "columns": {}}, 'f.jsonl:1: "summary" is missing'),
    ],
)
def test_a_fault_of_a_jsonl_is_one_line(rows: list[Any], keys: dict[str, Any], expected: str) -> None:
    assert expected in refused(written("f.jsonl", lines(*rows)), **keys)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("nowhere.csv", 'nowhere.csv: no such file; correct "data" of the task mine'),
        ("notes.txt", "notes.txt: .txt is not read; convert the file to one of .csv, .tsv, .jsonl, "),
        ("broken.jsonl", "broken.jsonl:1: not valid JSON at column 26"),
        ("broken.parquet", "broken.parquet: "),
        ("someone/nothing", "someone/nothing: cannot be opened as a data set: "),
    ],
)
def test_data_that_cannot_be_opened_are_named(data: str, expected: str) -> None:
    written("notes.txt", "hello")
    written("broken.jsonl", '{"review": "a", "stars": \n')
    written("broken.parquet", b"PAR1 not really")
    assert refused(data).startswith(expected)


def test_rows_that_contradict_each_other_may_be_left_out() -> None:
    name = written("c.csv", "review,stars\na,good\na,bad\nb,bad\n")
    card, samples = opened(name, conflicts="leave-out")
    assert [sample.input["text"] for sample in samples] == ["a", "b"]
    assert list(card.left_out.values()) == ["asks what an earlier row asks, with another answer"]
    assert card.rows == 3


@pytest.mark.slow
def test_a_large_file_is_streamed_in_order() -> None:
    name = written("big.csv", "review,stars\n" + "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(25_000)))
    _, samples = opened(name)
    digest = hashlib.sha256("".join(sample.input["text"] for sample in samples).encode()).hexdigest()
    assert digest == hashlib.sha256("".join(f"text {i}" for i in range(25_000)).encode()).hexdigest()
