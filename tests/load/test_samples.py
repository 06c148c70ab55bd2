"""Every fault of a row is named by file, line and column."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from auditkit.errors import ConfigError, FormatError, PackError, UsageError
from auditkit.load.files import Row
from auditkit.load.packs import Pack
from auditkit.load.samples import read_samples, samples_of

from .conftest import CARD, row

Make = Callable[..., Pack]
WHERE = "benchmarks/small/rows.jsonl"


def message(make: Make, *rows: Any, **options: Any) -> str:
    with pytest.raises(PackError) as caught:
        read_samples(make(list(rows), **options))
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_a_row_becomes_a_sample(make: Make) -> None:
    first, second = read_samples(make([row(0), row(1, origin=...)]))
    assert first.id == "small/r-0"
    assert first.labels == ("stereotype", "anti", "unknown")
    assert (first.source.file, first.source.line, second.source.line) == ("rows.jsonl", 1, 2)
    assert first.clusters == {"template": "t-0"}
    assert second.origin == "small/r-1"


def test_the_designs_own_example_message(make: Make) -> None:
    text = message(make, row(0), row(1, target=...))
    assert text == f'{WHERE}:2: "target" is missing; add it or set request: generate in card.yaml'


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"target": 1}, '"target": Input should be a valid string (given: 1)'),
        ({"input": {"context": 3, "question": "Who?"}}, '"input.context": Input should be a valid string'),
        ({"choises": []}, 'unknown key "choises"; did you mean "choices"?'),
        ({"choices": [{"text": "Anna", "lable": "x", "label": "x"}, {"text": "B", "label": "y"}]}, '"choices.0.lable"'),
        ({"choices": [{"text": "Anna"}, {"text": "B", "label": "y"}]}, '"choices.0.label" is missing; add it'),
        ({"choices": [{"text": "Anna", "label": "unknown"}]}, '"choices" holds 1; request: choose needs two or more'),
        ({"choices": [{"text": "A", "label": "unknown"}, {"text": "A", "label": "b"}]}, '"choices.1.text" repeats'),
        ({"choices": [{"text": "A", "label": "unknown"}, {"text": " ", "label": "b"}]}, '"choices.1.text" is empty'),
        ({"target": "nobody"}, '"target": no choice has the label "nobody"; labels: stereotype, anti, unknown'),
        ({"clusters": {}}, '"clusters.template" is missing'),
        ({"groups": {"sex": "female"}}, '"groups.sex" is not an axis of this pack; the card\'s groups are: gender'),
        ({"metadata": {"axis": []}}, '"metadata.axis": Input should be a valid string or integer or number or boolean'),
        ({"metadata": {"tweet": 2**53}}, '"metadata.tweet": '),
        ({"metadata": {"tweet": 2**53}}, "write it as text"),
        ({"id": ""}, '"id": String should have at least 1 character'),
        ({"input": {"context": "x"}}, 'the template names the unknown field "{question}"; '),
    ],
)
def test_a_faulty_value_is_named(make: Make, changes: dict[str, Any], expected: str) -> None:
    text = message(make, row(0), row(1, **changes))
    assert text.startswith(f"{WHERE}:2: ")
    assert expected in text


def test_a_file_that_is_not_json_lines_is_named_by_its_line(make: Make) -> None:
    for line, expected in (('{"id": "x",}', "not valid JSON at column"), ("", "the line is empty; remove it"),
                           ('{"metadata": {"score": NaN}}', "NaN is not a JSON value"),
                           (json.dumps(row(1, input={"context": "\ud83d half"})), '"input.context" holds a lone')):
        with pytest.raises(FormatError) as caught:
            make([row(0), line, row(2)])
        assert str(caught.value).startswith(f"{WHERE}:2: ")
        assert expected in str(caught.value)


def test_a_lone_surrogate_of_any_reader_is_named(make: Make) -> None:
    card = make([row(0)]).card
    rows = [("rows.jsonl", "rows.jsonl:3", Row(3, row(1, input={"context": "\ud83d half", "question": "Who?"})))]
    with pytest.raises(PackError, match=r'^rows\.jsonl:3: "input\.context" holds a lone surrogate'):
        samples_of(card, rows)


def test_a_byte_order_mark_is_named(make: Make) -> None:
    with pytest.raises(PackError) as caught:
        make([], raw=b"\xef\xbb\xbf{}\n")
    assert str(caught.value) == f"{WHERE}:1: the file begins with a byte-order mark; save it as UTF-8 without BOM"


def test_unicode_line_separators_do_not_split_a_row(make: Make) -> None:
    odd = "a\x85b\u2028c\u2029d\x0be"
    samples = read_samples(make([row(0, input={"context": odd, "question": "Who?"}), row(1)]))
    assert [sample.input["context"] for sample in samples] == [odd, "Context 1."]


def test_windows_line_ends_are_read(make: Make) -> None:
    raw = "".join(json.dumps(row(i)) + "\r\n" for i in range(2)).encode()
    assert len(read_samples(make([], raw=raw))) == 2


def test_a_doubled_id_names_both_lines(make: Make) -> None:
    text = message(make, row(0), row(1), row(2, id="r-0"))
    assert text == f'{WHERE}:3: the id "r-0" was given at {WHERE}:1; make ids unique'


def test_rows_without_id_get_their_contents_hash(make: Make) -> None:
    first = [sample.id for sample in read_samples(make([row(0, id=...), row(1, id=...), row(0, id=...)]))]
    again = [sample.id for sample in read_samples(make([row(1, id=...), row(0, id=...)]))]
    assert first[2] == first[0] + "-2"
    assert again == [first[1], first[0]]
    assert len(first[0].removeprefix("small/")) == 12


def test_the_same_request_with_other_labels_is_a_fault_of_the_pack(make: Make) -> None:
    same = row(0)["input"]
    swapped = [{**choice, "label": label} for choice, label in
               zip(row(0)["choices"], ("anti", "stereotype", "unknown"), strict=True)]
    text = message(make, row(0), row(1, input=same, choices=swapped))
    assert text.startswith(f"{WHERE}:2: asks exactly what {WHERE}:1 asks, but its labels differs")
    assert "but its target differs" in message(make, row(0), row(1, input=same, target="anti"))


def test_the_same_request_with_equal_labels_is_allowed(make: Make) -> None:
    assert len(read_samples(make([row(0), row(1, input=row(0)["input"])]))) == 2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("arm: ambiguous", "arm: ambigous", '"metrics.0.arm": no row has the arm "ambigous"; arms: all, ambiguous'),
        ("slices: [axis]", "slices: [topic]", '"metrics.0.slices": no row has metadata "topic"; there is: axis'),
        ("{context}", "{contxt}", 'unknown field "{contxt}"; did you mean "{context}"?'),
    ],
)
def test_a_card_that_does_not_fit_the_rows_is_named(make: Make, old: str, new: str, expected: str) -> None:
    assert expected in message(make, row(0), card=CARD.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("version: 1", "version: one", 'card.yaml:2: "version": '),
        ("license:", "licence:", 'card.yaml:8: unknown key "licence"; did you mean "license"?'),
        ("files: [rows.jsonl]", "files: [../rows.jsonl]", "lies outside the pack"),
        ("request: choose", "request: compare", '"templates": whole texts are compared without a prompt; remove it'),
        ("files: [rows.jsonl]", "files: [rows.jsonl]\nreader: nativ", 'no reader is called "nativ"; there are: arc, '),
    ],
)
def test_a_faulty_card_is_a_configuration_error(make: Make, old: str, new: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make([row(0)], card=CARD.replace(old, new))
    assert expected in str(caught.value)


HEADER = "id,target,origin,arm,input.context,input.question,choices.0.text,choices.0.label,choices.0.group," \
         "choices.1.text,choices.1.label,groups.gender,clusters.template,metadata.axis"
CSV_CARD = CARD.replace("rows.jsonl", "rows.csv")


def test_csv_reads_types_itself(make: Make) -> None:
    odd = '001,unknown,o-1,ambiguous,"NA\nnull",Who?,Anna,stereotype,female,"None, ""really""",unknown,,t-1,NA'
    lines = [HEADER, odd]
    (sample,) = read_samples(make(lines, card=CSV_CARD, name="rows.csv"))
    assert sample.id == "small/001"
    assert sample.input == {"context": "NA\nnull", "question": "Who?"}
    assert sample.choices[1].text == 'None, "really"'
    assert sample.choices[1].group is None
    assert sample.groups == {}
    assert sample.metadata == {"axis": "NA"}


def test_csv_lines_are_counted_across_quoted_line_ends(make: Make) -> None:
    good = '1,unknown,o,ambiguous,"two\nlines",Who?,Anna,stereotype,,Tom,unknown,,t-1,gender'
    with pytest.raises(FormatError, match=r"rows\.csv:4: 2 cells under 14 columns; a separator or a quote is missing"):
        make([HEADER, good, "2,unknown"], card=CSV_CARD, name="rows.csv")


@pytest.mark.parametrize(
    ("column", "hint"),
    [
        ("targt", 'did you mean "target"?'),
        ("context", "valid columns: id, target, origin, arm, input.NAME"),
        ("inptu.context", 'did you mean "input.context"?'),
        ("choice.0.lable", 'did you mean "choices.0.label"?'),
        ("choices.text", 'did you mean "choices.0.text"?'),
        ("metadata", 'did you mean "metadata.NAME"?'),
        ("id", 'the column "id" is given twice; rename or remove one'),
    ],
)
def test_csv_columns_are_checked_and_the_nearest_named(make: Make, column: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        make([f"{HEADER},{column}", "1"], card=CSV_CARD, name="rows.csv")
    assert str(caught.value).startswith("benchmarks/small/rows.csv:1: ")
    assert hint in str(caught.value)
