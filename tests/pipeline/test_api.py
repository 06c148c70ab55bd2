"""Audits of an endpoint that fails in every way: each row is scored or has a reason, and the key stays out."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import auditkit
from auditkit.errors import ConfigError, StoppedError
from auditkit.pipeline.resume import resume
from auditkit.pipeline.verify import verify
from auditkit.schema import Api, Audit
from auditkit.store.journal import read_journal

KEY = "sk-very-secret-key-0123456789"
# After a cut connection the next request may meet its closed end: that is a try, too.
QUICK: dict[str, Any] = {"concurrency": 8, "deadline": 10, "timeout": 0.5, "retries": 3, "backoff": 0.01}
REFUSAL = "I'm sorry, but I can't help with that."


def faults(api: ModuleType) -> dict[str, tuple[list[Any], str | None]]:
    """Name to the replies, one after another, and the reason for which the sample is unscored (`None`: scored)."""
    wrong_count = api.said("A")
    wrong_count[2]["usage"] = {"prompt_tokens": -3, "completion_tokens": "many"}
    return {
        "good": ([api.said("A")], None),
        "busy": ([(429, {"Retry-After": "0"}, {}), api.said("B")], None),
        "failing": ([(500, {}, {}), api.said("A")], None),
        "failed": ([(500, {}, {"error": {"message": f"broken {KEY}"}})], "errored"),
        "slow": ([lambda: api.slow(api.said("A"), 0.8)], "errored"),
        "cut": ([api.CUT], "errored"),
        "cut once": ([api.CUT, api.said("B")], None),
        "dropped": ([api.DROPPED], "errored"),
        "dropped once": ([api.DROPPED, api.said("A")], None),
        "nothing": ([(200, {}, b"")], "errored"),
        "invalid": ([(200, {}, b"{no json")], "errored"),
        "empty": ([(200, {}, {"choices": []})], "errored"),
        "refusing": ([api.said(REFUSAL)], "refused"),
        "refusal": ([api.said(None, message={"content": None, "refusal": "no"})], "refused"),
        "filtered": ([(400, {}, {"error": {"message": "no", "code": "content_filter"}})], "refused"),
        "silent": ([api.said("")], "unparsed"),
        "leaking": ([api.said(f"my key is {KEY}")], "unparsed"),
        "counting": ([wrong_count], None),
    }


def number(body: dict[str, Any], most: int) -> int:
    return int(hashlib.sha256(body["messages"][0]["content"].encode()).hexdigest(), 16) % most


def audit(toy: Any, out: Path, **settings: Any) -> Audit:
    api = Api(**{**QUICK, **settings.pop("api", {})})
    return auditkit.audit(
        f"openai:toy@{toy.url}", packs=["claims"], limit=120, out=str(out), chat="always", api=api, **settings,
    )


@pytest.mark.slow
def test_every_fault_is_counted_and_nothing_is_lost_or_invented(
    toy: Any, api: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDITKIT_API_KEY", KEY)
    plans = list(faults(api).values())
    seen: dict[str, int] = {}
    expected: dict[str, str | None] = {}

    def chat(body: dict[str, Any]) -> Any:
        text = body["messages"][0]["content"]
        if text == "Say yes.":
            return api.said("yes")
        replies, reason = plans[number(body, len(plans))]
        expected[text] = reason
        with toy.lock:
            seen[text] = seen.get(text, -1) + 1
        reply = replies[min(seen[text], len(replies) - 1)]
        return reply() if callable(reply) else reply

    toy.chat = chat
    result = audit(toy, tmp_path / "run")
    assert len(expected) == 120
    assert {number({"messages": [{"content": text}]}, len(plans)) for text in expected} == set(range(len(plans)))
    counts = {reason: list(expected.values()).count(reason) for reason in ("errored", "refused", "unparsed")}
    accuracy = next(e for e in result.estimates if str(e.id) == "claims/accuracy@all")
    assert accuracy.unscored == counts
    assert accuracy.n == 120 - sum(counts.values())
    assert result.errored == counts["errored"]
    assert all(error.startswith(toy.url) for error in result.errors.values())
    assert result.verdict.exit_code == 4
    records = read_journal(tmp_path / "run" / "journal.jsonl")
    assert len(records.outputs) == 120
    assert all(output.prompt_tokens in (0, 9) for output in records.outputs.values())
    assert toy.headers[-1]["Authorization"] == f"Bearer {KEY}"
    for file in (tmp_path / "run").iterdir():
        assert KEY.encode() not in file.read_bytes(), file.name
    assert verify(tmp_path / "run").audit == result


@pytest.mark.slow
def test_a_spent_budget_stops_and_the_same_command_goes_on(toy: Any, api: ModuleType, tmp_path: Path) -> None:
    toy.chat = lambda body: api.said("AB"[number(body, 2)])
    undisturbed = audit(toy, tmp_path / "whole")
    whole = len(toy.asked)
    toy.asked.clear()
    with pytest.raises(StoppedError, match=r"api\.max_requests: the budget of 50 is spent"):
        audit(toy, tmp_path / "run", api={"max_requests": 50})
    assert len(toy.asked) == 50
    kept = read_journal(tmp_path / "run" / "journal.jsonl")
    assert len(kept.outputs) == 49, "one request was the greeting"
    assert not (tmp_path / "run" / "audit.json").exists()
    resumed = audit(toy, tmp_path / "run", api={"max_requests": 500})
    assert len(toy.asked) == whole + 1, "nothing is paid for twice, but the greeting"
    assert resumed.estimates == undisturbed.estimates
    assert resumed.errored == 0


@pytest.mark.slow
def test_a_resume_has_its_own_budget_and_prices(toy: Any, api: ModuleType, tmp_path: Path) -> None:
    toy.chat = lambda body: api.said("AB"[number(body, 2)])
    undisturbed = audit(toy, tmp_path / "whole")
    out = tmp_path / "run"
    with pytest.raises(StoppedError):
        audit(toy, out, api={"max_requests": 41, "price_per_million_input": 9.0})
    toy.asked.clear()
    with pytest.raises(StoppedError, match=r"api\.max_requests: the budget of 31 is spent"):
        resume(out, model=f"openai:toy@{toy.url}", api={"max_requests": 31})
    assert len(toy.asked) == 31
    assert len(read_journal(out / "journal.jsonl").outputs) == 40 + 30, "each of them greeted"
    budget = {"max_requests": 500, "price_per_million_input": 3.0, "price_per_million_output": 50.0}
    finished = resume(out, model=f"openai:toy@{toy.url}", api=budget)
    assert finished.audit.observed is not None
    ran = finished.audit.observed.efficiency
    assert ran is not None
    assert ran.cost == pytest.approx(120 * (9 * 3.0 + 1 * 50.0) / 1e6)
    assert finished.audit.id == undisturbed.id, "neither is a property of the audit"


@pytest.mark.slow
def test_retry_errors_has_its_own_budget_and_prices(toy: Any, api: ModuleType, tmp_path: Path) -> None:
    toy.chat = lambda body: (
        (400, {}, {}) if number(body, 5) == 0 and "Say yes" not in str(body) else api.said("AB"[number(body, 2)])
    )
    out = tmp_path / "run"
    errored = audit(toy, out).errored
    assert 10 < errored < 60
    toy.chat = lambda body: api.said("AB"[number(body, 2)])
    toy.asked.clear()
    again = [sys.executable, "-m", "auditkit", "retry-errors", str(out), "--quiet", "--model", f"openai:toy@{toy.url}"]
    stopped = subprocess.run([*again, "--max-requests", "5"], capture_output=True, text=True, timeout=120)
    assert stopped.returncode == 4, stopped.stderr
    assert "the budget of 5 is spent" in stopped.stderr
    assert len(asked_texts(toy)) == 4
    priced = subprocess.run(
        [*again, "--max-tokens", "100000", "--price-per-million-output", "2", "--json"],
        capture_output=True, text=True, timeout=120,
    )
    assert len(asked_texts(toy)) == errored, "each of them once"
    result = Audit.model_validate_json(priced.stdout)
    assert result.errored == 0
    assert result.observed is not None
    assert result.observed.efficiency is not None
    assert result.observed.efficiency.cost == pytest.approx(120 * 2 / 1e6)


@pytest.mark.parametrize(
    ("execution", "message"),
    [
        ({"api": {"concurrency": 9}}, r"api\.concurrency: not a setting that may change when a run goes on; there are"),
        ({"api": 9}, "api: int is not a mapping"),
        ({"seed": 3}, "seed: not a setting that may change"),
        ({"api": {"max_requests": 0}}, r'"api\.max_requests": Input should be greater than or equal to 1'),
        ({"api": {"price_per_million_input": float("nan")}}, r'"api\.price_per_million_input": '),
    ],
)
def test_what_a_resume_may_not_change(
    toy: Any, api: ModuleType, tmp_path: Path, execution: dict[str, Any], message: str
) -> None:
    with pytest.raises(StoppedError):
        audit(toy, tmp_path / "run", api={"max_requests": 9})
    asked = len(toy.asked)
    with pytest.raises(ConfigError, match=message):
        resume(tmp_path / "run", **execution)
    assert len(toy.asked) == asked


def test_an_endpoint_that_goes_away_loses_nothing(toy: Any, api: ModuleType, tmp_path: Path) -> None:
    gone = (401, {}, {"error": {"message": "expired"}})
    toy.chat = lambda body: api.said("A") if len(toy.asked) <= 30 else gone
    with pytest.raises(StoppedError, match="the key is missing, refused, or has no credit"):
        audit(toy, tmp_path / "run")
    assert all(o.error is None for o in read_journal(tmp_path / "run" / "journal.jsonl").outputs.values())
    toy.chat = lambda body: api.said("A")
    assert audit(toy, tmp_path / "run").errored == 0


def test_likelihoods_of_an_endpoint_are_the_first_choice(toy: Any, tmp_path: Path) -> None:
    result = auditkit.audit(
        f"openai:toy@{toy.url}", packs=["claims", "stereotype-pairs"], limit=40, out=str(tmp_path / "run"),
        api=Api(**QUICK),
    )
    assert result.rules == {"claims": "loglikelihood", "stereotype-pairs": "loglikelihood"}
    assert result.errored == 0, result.errors
    assert result.subject.kind == "api"


def test_without_likelihoods_pairs_are_not_applicable_and_say_why(toy: Any, tmp_path: Path) -> None:
    toy.shift = "ignored"
    result = auditkit.audit(
        f"openai:toy@{toy.url}", packs=["claims", "stereotype-pairs"], limit=40, out=str(tmp_path / "run"),
        api=Api(**QUICK),
    )
    assert result.rules == {"claims": "letter"}
    assert "the reply carries no logprobs" in result.not_applicable["stereotype-pairs"]


def command(toy: Any, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "auditkit", "audit", f"openai:toy@{toy.url}", "--pack", "claims", *arguments]


@pytest.mark.slow
def test_the_command_line_exits_with_4_and_2(toy: Any, api: ModuleType, tmp_path: Path) -> None:
    stopped = subprocess.run(
        command(toy, "--quiet", "--chat", "always", "--max-requests", "9", "--out", str(tmp_path / "run")),
        capture_output=True, text=True, timeout=120,
    )
    assert stopped.returncode == 4, stopped.stderr
    assert "the budget of 9 is spent" in stopped.stderr
    assert len(read_journal(tmp_path / "run" / "journal.jsonl").outputs) == 8
    asked = len(toy.asked)
    offline = subprocess.run(command(toy, "--offline"), capture_output=True, text=True, timeout=120)
    assert offline.returncode == 2
    assert "--offline lets no endpoint be asked" in offline.stderr
    assert len(toy.asked) == asked


@pytest.mark.slow
@pytest.mark.parametrize("answered", [3, 60])
def test_sigkill_in_mid_air_loses_nothing_and_journals_nothing_twice(
    toy: Any, api: ModuleType, tmp_path: Path, answered: int
) -> None:
    """Among the answers are errors; each fourth request is slow, so that answers land in another order than asked."""
    concurrency, killed = 4, threading.Event()
    most = 1 + 2 * concurrency + answered

    def chat(body: dict[str, Any]) -> Any:
        if len(toy.asked) >= most:
            killed.wait(120)
        late = 0.2 if number(body, 4) == 0 and not killed.is_set() else 0.01
        return api.slow((400, {}, {}) if number(body, 7) == 0 else api.said("AB"[number(body, 2)]), late)

    toy.chat = chat
    settings = tmp_path / "audit.yaml"
    settings.write_text(f"api: {{concurrency: {concurrency}}}\n", encoding="utf-8")
    out = tmp_path / "run"
    process = subprocess.Popen(
        command(toy, "--quiet", "--chat", "always", "--limit", "100", "--config", str(settings), "--out", str(out)),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while len(toy.asked) < most and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    assert process.wait(60) == -signal.SIGKILL
    killed.set()
    settle(toy)
    before, kept = asked_texts(toy), read_journal(out / "journal.jsonl", strict=False).outputs
    assert len(before) - 2 * concurrency <= len(kept) <= len(before), "what has landed is journalled soon"
    assert answered <= len(kept) < 100
    toy.asked.clear()
    finished = resume(out, model=f"openai:toy@{toy.url}", api={"max_requests": 1000})
    again, lines = asked_texts(toy), (out / "journal.jsonl").read_bytes().splitlines()
    outputs = [json.loads(line)["body"]["output"]["request"] for line in lines if b'"kind":"output"' in line]
    assert len(outputs) == len(set(outputs)) == finished.audit.observed.requests == 100
    assert len(again) == len(set(again)) == 100 - len(kept)
    assert len(set(before) & set(again)) == len(before) - len(kept), "asked twice is only what was lost in the air"
    assert finished.audit.errored == sum(number(ask(text), 7) == 0 for text in {*before, *again}) > 0
    assert verify(out).audit == finished.audit


def settle(toy: Any) -> None:
    """Wait until the server has read what a dead client had sent."""
    quiet = 0
    while quiet < 20:
        time.sleep(0.02)
        quiet = quiet + 1 if toy.active == 0 else 0


def asked_texts(toy: Any) -> list[str]:
    """What was asked, but for the greeting."""
    texts = [body["messages"][0]["content"] for _, body in toy.asked]
    return [text for text in texts if text != "Say yes."]


def ask(text: str) -> dict[str, Any]:
    return {"messages": [{"content": text}]}


@pytest.mark.slow
def test_an_interrupt_keeps_what_was_answered(toy: Any, api: ModuleType, tmp_path: Path) -> None:
    def chat(body: dict[str, Any]) -> Any:
        return api.slow(api.said("A"), 0.0 if len(toy.asked) < 40 else 0.3)

    toy.chat = chat
    process = subprocess.Popen(
        command(toy, "--quiet", "--chat", "always", "--out", str(tmp_path / "run")),
        stderr=subprocess.DEVNULL, env=dict(os.environ),
    )
    deadline = time.monotonic() + 60
    while len(toy.asked) < 44 and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
    assert len(read_journal(tmp_path / "run" / "journal.jsonl").outputs) >= 38
