"""Records that the store's tests write."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from auditkit.schema import (
    Attribution,
    Choice,
    Config,
    Option,
    OptionScore,
    OptionScores,
    Output,
    Policy,
    Request,
    Sample,
    Source,
    Subject,
)
from auditkit.schema.journal import Header, OutputEntry, PlanEntry, RequestEntry
from auditkit.store.journal import Journal

HOSTILE = "emoji 🧑🏽‍⚖️, RTL שלום \u202eabc, U+2028 \u2028, U+0085 \x85, NUL \x00, quote \" and \\, line\nend"


@pytest.fixture
def hostile() -> str:
    """Text that breaks careless line readers."""
    return HOSTILE


@pytest.fixture
def make_sample() -> Callable[..., Sample]:
    """Makes the n-th sample."""

    def make(n: int, **changes: object) -> Sample:
        fields: dict[str, object] = {
            "id": f"pack/row-{n:03d}", "benchmark": "pack", "input": {"context": f"{HOSTILE} {n}"}, "target": "unknown",
            "choices": (Choice(text="A", label="stereotype", group="female"), Choice(text="B", label="unknown")),
            "groups": {"gender": "female"}, "clusters": {"template": f"t-{n % 3}"}, "origin": f"o-{n // 2}",
            "arm": ("ambiguous", "disambiguated")[n % 2], "source": Source(file="rows.jsonl", line=n + 1),
            "metadata": {"axis": "gender", "negative": True, "year": 1999, "share": 0.1},
        }
        return Sample.model_validate(fields | changes)

    return make


@pytest.fixture
def make_request() -> Callable[[int], Request]:
    """Makes the n-th request."""

    def make(n: int) -> Request:
        options = (Option(text=" a"), Option(text=" b", spans=((1, 2),)))
        return Request(kind="choose", rule="loglikelihood", text=f"{HOSTILE} {n}", options=options)

    return make


@pytest.fixture
def make_output() -> Callable[..., Output]:
    """Makes an answer to a request."""

    def make(request: Request, value: float = -0.1, error: str | None = None) -> Output:
        if error is not None:
            return Output(request=request.sha256, rule=request.rule, error=error)
        third = value / 3
        option = OptionScore(sum=value, tokens=3, bytes=7, logprobs=(third, third, third))
        return Output(request=request.sha256, rule=request.rule, answer=OptionScores(options=(option, option)))

    return make


@pytest.fixture
def attribution() -> Attribution:
    """One attribution."""
    return Attribution(
        sample_id="pack/row-000", request="ab" * 32, option=0, method="integrated_gradients", target="log p",
        tokens=("a",), token_scores=(0.1,), special=(False,), words=("a",), word_scores=(0.1,), baseline="pad",
        score=-1.0, baseline_score=-1.1, served_difference=0.0, convergence_delta=0.0, relative_delta=None, steps=8,
        dtype="float32", attention="sdpa", special_share=None, reliability="valid",
    )


@pytest.fixture
def header():
    """Header of the journal `filled`."""
    return Header(
        config=Config(model="m", packs=("a", "b")), policy=Policy(name="none", checks=()),
        subject=Subject(name="m", kind="causal", fingerprint="f" * 64), sampled={"a": (1, 2)},
        environment={"auditkit": "0.1.0"},
    )


@pytest.fixture
def path(tmp_path):
    """Where a journal is written."""
    return tmp_path / "run" / "journal.jsonl"


@pytest.fixture
def filled(path, header, make_sample, make_request, make_output, attribution):
    """A journal with a line of each kind."""
    requests = [make_request(n) for n in range(4)]
    with Journal.open(path, header) as journal:
        journal.samples(make_sample(n) for n in range(4))
        journal.append([
            RequestEntry(request=request, samples=(f"pack/row-{n:03d}",)) for n, request in enumerate(requests)
        ])
        journal.append([PlanEntry(sha256="c" * 64, round=0, batches=1, requests=4)])
        journal.append([
            OutputEntry(output=make_output(request), seconds=0.5, cached=n == 0) for n, request in enumerate(requests)
        ])
        journal.attribution(attribution)
        journal.not_explained("pack/row-001", "the budget is spent")
        journal.seal("d" * 64)
    return path
