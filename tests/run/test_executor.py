"""Only the culprit is errored."""

from __future__ import annotations

import pytest

from auditkit.run.executor import Batch, LocalExecutor, errored


def run(fake, adapter, *texts):
    requests = tuple(fake.choose(text) for text in texts)
    return requests, [answer.output for answer in LocalExecutor(adapter).run([Batch(0, requests)])]


def test_all_well(fake):
    adapter = fake.FakeAdapter()
    requests, outputs = run(fake, adapter, "a", "b", "c")
    assert [output.request for output in outputs] == [one.sha256 for one in requests]
    assert [output.error for output in outputs] == [None] * 3
    assert adapter.batches == [["a", "b", "c"]]


@pytest.mark.parametrize("culprit", ["boom", "silent", "wrong"])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_only_the_culprit(fake, culprit, place):
    texts = ["a", "b", "c", "d"]
    texts.insert(place, culprit)
    adapter = fake.FakeAdapter()
    requests, outputs = run(fake, adapter, *texts)
    assert [output.request for output in outputs] == [one.sha256 for one in requests]
    assert [output.error is not None for output in outputs] == [text == culprit for text in texts]
    assert outputs[place].answer is None
    assert adapter.batches == [texts, *[[text] for text in texts[place:]]], "what was answered is not asked again"


def test_every_request_fails(fake):
    _, outputs = run(fake, fake.FakeAdapter(), "boom 1", "boom 2")
    assert all(output.error for output in outputs)


def test_a_lonely_failure_is_not_asked_twice(fake):
    adapter = fake.FakeAdapter()
    run(fake, adapter, "boom")
    assert adapter.batches == [["boom"]]


def test_the_reason_is_one_line_without_our_paths(fake):
    _, (output,) = run(fake, fake.FakeAdapter(), "boom")
    assert output.error == "ValueError: boom in …/tests/run/fake.py at <object object at 0x…>"


def test_reasons_that_are_hard_to_print(fake):
    request = fake.choose("a")
    assert errored(request, ValueError("x" * 1000)).error == "ValueError: " + "x" * 288
    assert errored(request, ValueError()).error == "ValueError"
    assert errored(request, ValueError("lone \ud800")).error.startswith("ValueError: lone �")
    assert errored(request, ValueError("a\n\u2028b\x85c")).error == "ValueError: a b c"
    assert errored(request, ValueError("x")).rule == request.rule


@pytest.mark.parametrize("texts", [["interrupt"], ["a", "interrupt", "b"]])
def test_an_interrupt_is_no_failure(fake, texts):
    adapter = fake.FakeAdapter()
    with pytest.raises(KeyboardInterrupt):
        run(fake, adapter, *texts)
    assert adapter.batches == [texts], "nothing more is asked"
