"""What a journal says of requests and answers, while it is written and when it is read."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditkit.schema import OptionScore, OptionScores, Output, Request
from auditkit.schema.journal import OutputEntry, PlanEntry, RequestEntry
from auditkit.store.journal import Journal, read_journal

ASKED = [Request(kind="choose", rule="loglikelihood", text=f"{number}") for number in range(30)]


def facts(records):
    """All that a journal says of requests and answers, as plain containers."""
    return (
        dict(records.requests), dict(records.askers), dict(records.outputs), set(records.from_cache),
        dict(records.first_answer), records.cached, records.seconds, list(records.latencies),
        [records.answered_before(0, request.sha256) for request in ASKED],
        [list(mapping) for mapping in (records.requests, records.outputs)],
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 29), st.booleans(), st.none() | st.floats(0, 9)), max_size=40))
def test_it_says_the_same_when_it_is_read(tmp_path_factory, make_output, header, answers):
    """Requests, some asked by several samples; a plan in the middle of the answers; some answered twice."""
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    with Journal.open(path, header) as journal:
        for number, request in enumerate(ASKED):
            journal.append([RequestEntry(request=request, samples=(f"pack/{number}",))])
        journal.append([
            RequestEntry(request=ASKED[25], samples=("pack/again",)),
            RequestEntry(request=ASKED[2], samples=("pack/more", "pack/2")),
        ])
        for number, (which, cached, latency) in enumerate(answers):
            output = make_output(ASKED[which]).model_copy(update={"prompt_tokens": number})
            journal.append([OutputEntry(output=output, seconds=0.5, cached=cached, latency=latency)])
            if number == len(answers) // 2:
                journal.append([PlanEntry(sha256="c" * 64, round=0, batches=1, requests=3)])
        written = journal.records
    assert facts(read_journal(path)) == facts(written)
    assert written.askers[ASKED[2].sha256] == ("pack/2", "pack/more")
    assert {output.request for output in written.outputs.values()} == {ASKED[which].sha256 for which, *_ in answers}
    last = {ASKED[which].sha256: number for number, (which, *_) in enumerate(answers)}
    assert {sha: output.prompt_tokens for sha, output in written.outputs.items()} == last
    assert written.seconds == pytest.approx(0.5 * sum(not cached for _, cached, _ in answers))


def test_what_it_said_stays_when_lines_are_added(path, make_output, header):
    with Journal.open(path, header) as journal:
        journal.append([RequestEntry(request=request, samples=("pack/1",)) for request in ASKED])
        journal.append([
            OutputEntry(output=make_output(request), seconds=0, cached=True) for request in ASKED[:20]
        ])
        before = journal.records
        told = facts(before)
        others = [make_output(request).model_copy(update={"prompt_tokens": 7}) for request in ASKED]
        journal.append([OutputEntry(output=output, seconds=0, cached=False) for output in others])
        assert facts(before) == told
        after = journal.records
    assert {output.prompt_tokens for output in after.outputs.values()} == {7}
    assert not after.from_cache
    assert ASKED[25].sha256 not in before.outputs
    with pytest.raises(KeyError):
        before.outputs["0" * 64]


@pytest.mark.parametrize("value", [-0.0, -1.0, -1e20, -1.5e16, -1e-7, -5e-324, -0.1234567890123456])
def test_numbers_come_back_to_the_last_bit(path, header, value):
    option = OptionScore(sum=value, tokens=1, bytes=1, logprobs=(value, 2 * value))
    output = Output(request=ASKED[0].sha256, rule="loglikelihood", answer=OptionScores(options=(option,)))
    with Journal.open(path, header) as journal:
        journal.append([RequestEntry(request=ASKED[0], samples=())])
        journal.append([OutputEntry(output=output, seconds=0.1234567, cached=False)])
    records = read_journal(path)
    assert records.outputs[ASKED[0].sha256] == output
    assert records.seconds == 0.123457
