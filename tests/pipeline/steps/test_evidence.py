"""What an audit keeps of rows and answers, and what it hides."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from auditkit.pipeline.steps.evidence import (
    KEPT_BACK,
    cited_evidence,
    evidence_of,
    hidden,
    kept_attributions,
    kept_reasons,
)
from auditkit.schema import (
    Answer,
    AnswerReading,
    Attribution,
    Audit,
    Choice,
    Cited,
    Config,
    Estimate,
    Fill,
    FreeText,
    Number,
    OptionScore,
    OptionScores,
    Output,
    Policy,
    Sample,
    Score,
    Source,
    SpanAnswer,
    Subject,
    Tags,
    Verdict,
    canonical,
    digest,
)
from auditkit.store.folder import audit_bytes

SECRET = "the patient's name is Rumpelstiltskin"
VOCABULARY = {("tags", "tags"), ("probabilities", "classes")}
"""Kind and field of the only strings of an answer that may stay: names of classes and tags."""
KINDS = get_args(get_args(Answer)[0])
VALUES: dict[Any, Any] = {
    str: SECRET, int: 0, float: 0.5, bool: False, float | None: 0.5, tuple[float, ...]: (0.5,),
    tuple[OptionScore, ...]: (OptionScore(sum=-1.0, tokens=1, bytes=1),),
}
"""Type of a field to a value; a string is a secret."""


def secret(kind: Any) -> Any:
    """An answer of this kind with a secret in each field that can hold a text."""
    values = {}
    for name, field in kind.model_fields.items():
        if name == "kind":
            continue
        if (kind.model_fields["kind"].default, name) in VOCABULARY:
            values[name] = {"name": 0.5} if name == "classes" else ("name",)
        else:
            values[name] = VALUES[field.annotation]  # a KeyError: say here what a field of a new type holds
    return kind(**values)


def sample(*labels: str, **fields: Any) -> Sample:
    choices = tuple(Choice(text=f"{SECRET} {label}", label=label) for label in labels)
    source = Source(file="rows.jsonl", line=1)
    return Sample(id="pack/1", benchmark="pack", origin="1", choices=choices, source=source, **fields)


def estimate(*cited: str) -> Estimate:
    nothing = Fill(value=None, low=None, high=None, spread=None)
    return Estimate.model_construct(
        benchmark="pack", metric="accuracy", cited=Cited(extreme=cited), at_lowest_fill=nothing, at_highest_fill=nothing
    )


def test_every_field_that_can_hold_a_text_is_hidden_or_vocabulary() -> None:
    strings = {
        (kind.model_fields["kind"].default, name): name in kind.texts
        for kind in KINDS for name, field in kind.model_fields.items()
        if name != "kind" and "str" in str(field.annotation)
    }
    assert {place for place, is_hidden in strings.items() if not is_hidden} == VOCABULARY


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("labels", [(), ("true", "false")])
def test_a_secret_stands_nowhere_in_an_audit_that_keeps_hashes(kind: Any, labels: tuple[str, ...]) -> None:
    answer = secret(kind)
    item = sample(*labels, input={"text": SECRET}, words=(SECRET,), target=SECRET, references=(SECRET,))
    output = Output(request="0" * 64, rule="r", answer=answer)
    score = Score(sample_id=item.id, metric="exact_match", value=1.0, answer=SECRET if answer.texts else "true")
    for keep in ("full", "hash", "none"):
        evidence = cited_evidence([(item, output)], [estimate(item.id)], [score], keep)
        audit = Audit(
            subject=Subject(name="m", kind="causal", fingerprint="f" * 64), environment={},
            config=Config(model="m", evidence=keep), policy=Policy(name="p", checks=()), benchmarks=(), estimates=(),
            findings=(), evidence=evidence,
            verdict=Verdict.model_construct(status="pass", exit_code=0, reasons=(), policy="p"),
        )
        text = audit_bytes(audit).decode("utf-8")
        assert ("Rumpelstiltskin" in text) is (keep == "full")
        assert len(evidence) == (keep != "none")


def test_only_cited_samples_are_kept() -> None:
    pairs = [(sample(), None)]
    assert cited_evidence(pairs, [estimate("pack/2")], [], "full") == {}
    assert list(cited_evidence(pairs, [estimate("pack/1")], [], "full")) == ["pack/1"]


def test_how_a_text_was_read_is_kept_where_the_text_is_not() -> None:
    output = Output(request="0" * 64, rule="letter", answer=FreeText(text="B"))
    evidence = hidden(evidence_of(sample("true", "false"), output, {"accuracy": "false"}))
    assert evidence.output is not None
    assert evidence.output.text == digest("B")
    assert evidence.read() == AnswerReading(label="false", options=(1,))
    assert evidence.picked() == (False, True)
    assert evidence.answers == {"accuracy": "false"}
    scored = OptionScores(options=(OptionScore(sum=-1.0, tokens=1, bytes=1), OptionScore(sum=-2.0, tokens=1, bytes=1)))
    other = evidence_of(sample("true", "false"), Output(request="0" * 64, rule="loglikelihood", answer=scored), {})
    assert other.reading is None, "what scores say is not written twice"
    assert other.picked() == (True, False)


def test_labels_stay_and_texts_go() -> None:
    item = sample("true", "false", target="true", references=("false", "a text"))
    kept = hidden(evidence_of(item, None, {})).sample
    assert (kept.labels, kept.target, kept.references) == (("true", "false"), "true", ("false", digest("a text")))


@pytest.mark.parametrize(("answer", "read_as", "kept"), [
    (Number(value=1.5), "1.5", digest("1.5")), (SpanAnswer(text="Oslo", start=0, end=4), "Oslo", digest("Oslo")),
    (Tags(tags=("O",)), None, None),
])
def test_without_choices_what_metrics_read_is_hidden(answer: Any, read_as: str | None, kept: str | None) -> None:
    output = Output(request="0" * 64, rule="r", answer=answer)
    assert hidden(evidence_of(sample(), output, {"m": read_as})).answers == {"m": kept}


@pytest.mark.parametrize("reason", [
    f"request 0a1b: no token of {SECRET!r:.30} can be scored", f"https://host/v1: {SECRET}: refused",
    f"option {SECRET + ' false'!r:.60} has no token",
])
def test_what_an_error_quotes_of_its_row_is_hidden(reason: str) -> None:
    item = sample("true", "false", input={"text": f"Who? {SECRET}"})
    kept = kept_reasons({item.id: reason}, {item.id: item}, "hash")[item.id]
    assert "patient" not in kept
    assert "Rumpel" not in kept
    assert "[…]" in kept
    assert kept.split("[…]")[0].strip("\"' ") == reason.split("the patient")[0].strip("\"' ")
    assert kept_reasons({item.id: reason}, {item.id: item}, "full") == {item.id: reason}
    output = Output(request="0" * 64, rule="r", error=reason)
    assert hidden(evidence_of(item, output, {})).output == output.model_copy(update={"error": kept})


def test_an_error_that_quotes_nothing_stays_as_it_is() -> None:
    item = sample("true", "false", input={"text": SECRET}, words=("a", "of"))
    reason = "MeasurementError: out of memory; a batch of 4 requests was asked again one by one"
    assert kept_reasons({item.id: reason}, {item.id: item}, "hash") == {item.id: reason}
    kept_back = f"MeasurementError: {KEPT_BACK}"
    assert kept_reasons({item.id: reason}, {item.id: item}, "none") == {item.id: kept_back}


def test_words_of_attributions_are_hidden_and_their_order_is_the_rank() -> None:
    def attribution(name: str) -> Attribution:
        return Attribution(
            sample_id=name, request="ab" * 32, option=0, method="m", target="log p", tokens=(SECRET,),
            token_scores=(0.1,), special=(False,), words=(SECRET,), word_scores=(0.1,), baseline="pad", score=-1.0,
            baseline_score=-1.1, served_difference=0.0, convergence_delta=0.0, relative_delta=None, steps=8,
            dtype="float32", attention="sdpa", special_share=None, reliability="valid",
        )

    items = [attribution(name) for name in ("c", "a", "b")]
    ranks = {"a": 1, "c": 0}
    assert kept_attributions(items, ranks, "none") == ()
    assert kept_attributions(items, ranks, "full") == (items[0], items[1])
    kept = kept_attributions(items, ranks, "hash")
    assert [item.sample_id for item in kept] == ["c", "a"]
    assert b"Rumpelstiltskin" not in canonical(kept)
    assert kept[0].words == (digest(SECRET)[:8],)
