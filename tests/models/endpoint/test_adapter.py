"""Endpoints as adapters: likelihoods only where a probe shows that they can be believed, texts as they came."""

from __future__ import annotations

import asyncio
import math
from types import ModuleType
from typing import Any

import pytest

from auditkit.errors import ModelError, StoppedError
from auditkit.models.endpoint.adapter import ApiAdapter
from auditkit.models.open import open_model
from auditkit.run.runner import deduplicate, run_round
from auditkit.schema import Api, Config, Generation, Option, Output, Policy, Request
from auditkit.schema.journal import Header
from auditkit.store.journal import Journal

QUICK = Api(deadline=5, timeout=0.5, retries=1, backoff=0.01)
LETTER = Generation(max_tokens=32)


def opened(toy: Any, events: list[str] | None = None, **settings: Any) -> ApiAdapter:
    config = Config(model=f"openai:toy@{toy.url}", **{"api": QUICK, **settings})
    told = events if events is not None else []
    adapter = open_model(config, lambda event: told.append(event.message))
    assert isinstance(adapter, ApiAdapter)
    return adapter


def ask(adapter: ApiAdapter, *requests: Request) -> list[Output]:
    """Outputs in the order of the requests."""
    found = {output.request: output for output in adapter.execute(adapter.encode(requests))}
    return [found[request.sha256] for request in requests]


def letter(text: str) -> Request:
    options = (Option(text="the clerk"), Option(text="the guest"))
    return Request(kind="choose", rule="letter", text=text, prefix="Answer:", options=options, generation=LETTER)


def choose(text: str, *options: str) -> Request:
    made = tuple(Option(text=option) for option in options)
    return Request(kind="choose", rule="loglikelihood", text=text, prefix="Answer:", options=made)


def test_likelihoods_are_those_of_the_model(toy: Any, api: ModuleType) -> None:
    adapter = opened(toy)
    assert adapter.subject.parts["likelihood"] == "completions, probed, without chat template"
    assert adapter.rules["choose"][0] == "loglikelihood"
    (output,) = ask(adapter, choose("Who was it?", " the clerk", " nobody"))
    assert output.error is None
    for option, text in zip(output.answer.options, (" the clerk", " nobody"), strict=True):
        tokens, before = api.tokens_of(f"Who was it?\nAnswer:{text}"), len(api.tokens_of("Who was it?\nAnswer:"))
        values = api.logprobs(tokens)[before:]
        assert option.logprobs == pytest.approx(values)
        assert option.sum == pytest.approx(math.fsum(values))
        assert (option.tokens, option.bytes, option.merged) == (len(values), len(text) - 1, False)


def test_whole_texts_score_the_words_that_they_share(toy: Any, api: ModuleType) -> None:
    texts = ("Old people are slow .", "Young people are slow .")
    spans = [((text.index(" people"), len(text)),) for text in texts]
    options = tuple(Option(text=text, spans=span) for text, span in zip(texts, spans, strict=True))
    (output,) = ask(opened(toy), Request(kind="compare", rule="loglikelihood", options=options))
    for option, text in zip(output.answer.options, texts, strict=True):
        assert option.logprobs == pytest.approx(api.logprobs(api.tokens_of(text))[1:])


def test_a_token_across_the_boundary_is_scored_and_told(toy: Any) -> None:
    (output,) = ask(opened(toy), choose("Who was it?", "the", " the"))
    assert [option.merged for option in output.answer.options] == [True, False]


@pytest.mark.parametrize("only_echo", [True, False])
@pytest.mark.parametrize("shift", ["left", "right", "self", "ignored"])
def test_likelihoods_that_cannot_be_believed_are_not_offered(toy: Any, shift: str, only_echo: bool) -> None:
    toy.shift, toy.only_echo = shift, only_echo
    events: list[str] = []
    adapter = opened(toy, events)
    assert dict(adapter.rules) == {
        "choose": ("letter",), "classify": ("letter",), "generate": ("text",), "tag": ("text",), "extract": ("text",),
    }
    reasons = ["carries no logprobs"] if shift == "ignored" else ["shifted by a token", "do not tell a likely word"]
    assert any(reason in adapter.subject.parts["likelihood"] for reason in reasons)
    assert any(reason in event for event in events for reason in reasons)


def start(**changed: Any) -> dict[str, Any]:
    """Changes to a good reply: tokens before the prompt's, the first value, the count."""
    return {"before": [], "first": None, "more": 0, **changed}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (start(), "before every text: never; a text's first token is not scored"),
        (start(first=0.0), "before every text: never; a text's first token is not scored"),
        (start(more=1), "before every text: always; a text's first token is not scored"),
        (start(more=None), "before every text: not told (no BOS is echoed); a text's first token is not scored"),
        (start(first=-2.0, more=1), "before every text: always"),
        (start(before=["<s>"], first=-2.0, more=1), "before every text: always"),
        (start(before=[""], first=-2.0, more=None), "before every text: always"),
    ],
)
def test_whether_an_endpoint_adds_bos(toy: Any, change: dict[str, Any], told: str) -> None:
    def completions(body: dict[str, Any]) -> Any:
        reply = toy.echo(body)
        found = reply[2]["choices"][0]["logprobs"]
        if body.get("echo"):
            found["token_logprobs"][0] = change["first"]
            found["tokens"] = [*change["before"], *found["tokens"]]
            found["token_logprobs"] = [*(None for _ in change["before"]), *found["token_logprobs"]]
        if change["more"] is None:
            del reply[2]["usage"]
        else:
            reply[2]["usage"]["prompt_tokens"] += change["more"]
        return reply

    toy.completions = completions
    adapter = opened(toy)
    assert adapter.subject.parts["bos"] == told
    assert adapter.rules["choose"][0] == "loglikelihood"


def test_a_model_without_expectations_shows_nothing(toy: Any, api: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "logprob", lambda before, token: -2.0)
    assert "do not tell a likely word" in opened(toy).subject.parts["likelihood"]


def test_what_an_endpoint_has(toy: Any, api: ModuleType) -> None:
    missing = (404, {}, {"error": {"message": "no such route"}})
    toy.completions = lambda body: missing
    chat_only = opened(toy)
    assert "it has no completions (HTTP 404" in chat_only.subject.parts["likelihood"]
    assert chat_only.subject.parts["text"].startswith("chat")
    with pytest.raises(ModelError, match="it has no completions"):
        opened(toy, chat="never")
    toy.completions, toy.chat = toy.echo, lambda body: missing
    completions_only = opened(toy)
    assert completions_only.subject.parts["text"] == "completions"
    assert ask(completions_only, letter("Who?"))[0].text == " A"
    with pytest.raises(ModelError, match="HTTP 404: no such route; check URL, model name and key"):
        opened(toy, chat="always")
    toy.completions = lambda body: missing
    with pytest.raises(ModelError, match="HTTP 404"):
        opened(toy)


def test_a_server_in_trouble_is_not_taken_for_one_without_likelihoods(toy: Any) -> None:
    toy.completions = lambda body: (503, {}, {})
    with pytest.raises(ModelError, match=r"HTTP 503 \(2 tries\)"):
        opened(toy)


def test_chat_always_asks_for_letters(toy: Any) -> None:
    adapter = opened(toy, chat="always")
    assert adapter.rules["choose"] == ("letter",)
    assert ask(adapter, letter("Who?"))[0].text == "A"
    path, body = toy.asked[-1]
    assert path == "/v1/chat/completions"
    assert body["messages"] == [{"role": "user", "content": "Who?\nAnswer:"}]
    assert (body["temperature"], body["max_tokens"], body["model"]) == (0.0, 32, "toy")


def test_a_newer_name_for_the_length(toy: Any, api: ModuleType) -> None:
    def chat(body: dict[str, Any]) -> Any:
        if "max_tokens" in body:
            return 400, {}, {"error": {"message": "Unsupported parameter: use 'max_completion_tokens' instead"}}
        return api.said(str(body["max_completion_tokens"]))

    toy.chat = chat
    assert ask(opened(toy), letter("Who?"))[0].text == "32"


def test_texts_come_as_they_are(toy: Any, api: ModuleType) -> None:
    refusal = {"message": {"content": None, "refusal": "I won't."}}
    replies = {
        "plain": api.said("B."), "null": api.said(None), "refusal": api.said(None, **refusal),
        "filter": api.said("", finish_reason="content_filter"), "length": api.said("A lo", finish_reason="length"),
        "parts": api.said([{"type": "text", "text": "A"}, {"type": "image"}]),
        "filtered": (400, {}, {"error": {"message": "no", "code": "content_filter"}}),
        "surrogate": api.said("\ud800"),
        "empty": (200, {}, {"choices": []}), "number": api.said(7),
        "no message": (200, {}, {"choices": [{"text": "A"}]}),
    }
    adapter = opened(toy)
    toy.chat = lambda body: replies[body["messages"][0]["content"].partition("\n")[0]]
    found = dict(zip(replies, ask(adapter, *map(letter, replies)), strict=True))
    broken = found.pop("surrogate")
    assert broken.answer.repaired
    assert set(broken.text or "") == {"\ufffd"}
    assert {name: (o.text, o.finish_reason) for name, o in found.items() if o.error is None} == {
        "plain": ("B.", "stop"), "null": ("", "stop"), "refusal": ("I won't.", "refusal"), "filter": ("", "refusal"),
        "length": ("A lo", "length"), "parts": ("A", "stop"), "filtered": ("", "refusal"),
    }
    errors = {name: o.error.split(": ")[-1] for name, o in found.items() if o.error is not None}
    assert errors == {
        "empty": 'the reply has no "choices"', "number": 'the message\'s "content" is not text',
        "no message": 'the reply has no "message"',
    }


def test_broken_likelihoods_are_errors(toy: Any, api: ModuleType) -> None:
    adapter = opened(toy)
    faults: dict[str, Any] = {
        "positive": {"tokens": ["positive\nAnswer:", " x"], "token_logprobs": [None, 0.5]},
        "null": {"tokens": ["null\nAnswer:", " x"], "token_logprobs": [None, None]},
        "other": {"tokens": ["something else", " x"], "token_logprobs": [None, -1]},
        "short": {"tokens": ["short\nAnswer:"], "token_logprobs": [None, -1]},
        "none": None,
    }
    toy.completions = lambda body: (
        200, {}, {"choices": [{"text": "", "logprobs": faults[body["prompt"].partition("\n")[0]]}]}
    )
    errors = [output.error for output in ask(adapter, *(choose(name, " x", " y") for name in faults))]
    reasons = ["above 0", "no finite", "do not spell", "equal length", "no logprobs"]
    for error, reason in zip(errors, reasons, strict=True):
        assert error is not None
        assert reason in error


def test_no_more_in_flight_than_asked_for(toy: Any, api: ModuleType) -> None:
    toy.chat = lambda body: api.slow(api.said("A"), 0.02)
    adapter = opened(toy, api=QUICK.model_copy(update={"concurrency": 3}), chat="always")
    assert len(ask(adapter, *(letter(str(number)) for number in range(20)))) == 20
    assert 1 < toy.most_active <= 3


def test_connections_are_kept_and_no_more_than_requests_in_the_air(toy: Any, api: ModuleType) -> None:
    toy.chat = lambda body: api.slow(api.said("A"), 0.01)
    adapter = opened(toy, api=QUICK.model_copy(update={"concurrency": 3, "timeout": 5.0}), chat="always")
    toy.clients.clear()
    ask(adapter, *(letter(str(number)) for number in range(40)))
    assert 1 < len(toy.clients) <= 3


def test_inside_a_running_event_loop(toy: Any) -> None:
    async def notebook() -> list[Output]:
        return ask(opened(toy), letter("Who?"))

    assert asyncio.run(notebook())[0].text == "A"


def test_what_is_in_the_air_lands_before_a_stop(toy: Any, api: ModuleType) -> None:
    adapter = opened(toy, chat="always", api=QUICK.model_copy(update={"max_requests": 6}))
    toy.chat = lambda body: api.slow(api.said("A"), 0.05)
    found: list[Output] = []
    with pytest.raises(StoppedError, match="max_requests"):
        found.extend(adapter.execute(adapter.encode([letter(str(number)) for number in range(20)])))
    taken = []
    with pytest.raises(StoppedError):
        taken += [output.text for output in adapter.execute(adapter.encode([letter("again")]))]
    assert len(toy.asked) == 6


def test_a_caller_that_goes_away_is_not_waited_for(toy: Any, api: ModuleType) -> None:
    adapter = opened(toy, chat="always", api=QUICK.model_copy(update={"concurrency": 2, "retries": 0}))
    slow_ones = {"1", "2", "3"}
    toy.chat = lambda body: api.slow(api.said("A"), 0.4 if body["messages"][0]["content"][0] in slow_ones else 0)
    answers = adapter.execute(adapter.encode([letter(str(number)) for number in range(20)]))
    assert next(answers).text == "A"
    answers.close()  # type: ignore[attr-defined]
    assert len(toy.asked) < 10


def test_offline_is_one_clear_line(toy: Any) -> None:
    with pytest.raises(ModelError, match="--offline lets no endpoint be asked"):
        opened(toy, offline=True)
    assert toy.asked == []


def test_nothing_secret_makes_the_fingerprint(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(toy).subject
    monkeypatch.setenv("AUDITKIT_API_KEY", "sk-very-secret-key")
    second = opened(toy).subject
    assert first == second
    assert "secret" not in first.model_dump_json()
    assert not opened(toy).cacheable
    toy.shift = "left"
    assert opened(toy).subject.fingerprint != first.fingerprint


@pytest.mark.slow
def test_requests_arrive_in_the_order_of_their_tree(toy: Any, api: ModuleType, tmp_path: Any) -> None:
    """Questions on one story come one after another, whatever their hashes: for the server's prefix cache."""
    stories = ["".join(f"{word} {which} " for word in range(40)) for which in range(6)]
    asked = deduplicate(
        (f"{which}-{question}", letter(f"{stories[which]}Question {question}?"))
        for question in range(20) for which in range(6)
    )
    for concurrency in (1, 4):
        api_settings = QUICK.model_copy(update={"concurrency": concurrency, "deadline": 30})
        adapter = opened(toy, chat="always", api=api_settings)
        before = len(toy.asked)
        header = Header(config=Config(model="m"), policy=Policy(name="none", checks=()), subject=adapter.subject)
        with Journal.open(tmp_path / f"{concurrency}.jsonl", header) as journal:
            found = run_round(adapter, asked.requests, asked.askers, journal, None, batch_tokens=1)
        assert found.errored == 0
        texts = [body["messages"][0]["content"] for _, body in toy.asked[before:]]
        assert len(texts) == 120, "two batches: the order goes on over their border"
        arrived = [next(at for at, story in enumerate(stories) if text.startswith(story)) for text in texts]
        where = [[at for at, story in enumerate(arrived) if story == which] for which in range(6)]
        assert all(places[-1] - places[0] < 20 + concurrency for places in where)
