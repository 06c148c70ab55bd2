"""Targets without a model: configurations, cards, rows, journals and server answers."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import functools
import io
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from auditkit.config import load_yaml, read_yaml, replace_values
from auditkit.errors import AuditkitError
from auditkit.judge.policies import read_policy
from auditkit.load.files import File
from auditkit.load.own_data import open_task
from auditkit.load.packs import open_checks, open_pack, packs_root, seal
from auditkit.load.readers import native
from auditkit.load.requests import build
from auditkit.load.samples import read_samples, samples_of
from auditkit.models.scripted.prediction_lines import read_lines
from auditkit.pipeline.starter_files import texts
from auditkit.pipeline.steps.assemble import assemble
from auditkit.schema import Benchmark, Config, Task
from auditkit.store.folder import RunFolder, load_audit
from auditkit.store.journal import read_journal

from ..forging import audit, forge
from .check import one_line
from .inputs import altered, as_json, edited

YAML_WORDS = (
    b"\n", b": ", b"- ", b"&a ", b"*a", b"<<: ", b"!!int ", b"? ", b"|\n", b">\n", b"---\n", b"...\n", b"{", b"}",
    b"[", b"]",
    b"'", b'"', b"#", b"%YAML 1.1\n", b"\t", b"0x1F", b"010", b"1:30", b".nan", b"yes", b"null", b"\xff",
    b"\xef\xbb\xbf", b"@",
    b"`", b"{a: [*a]}", b"? [a]\n: b\n", b"\r", b"\xc2\x85", b"9" * 300,
)
ROWS: list[dict[str, Any]] = [
    {"id": f"r{place}", "input": {"context": "Two people met.", "question": f"Who was late? ({place})"},
     "choices": [{"text": "Ann", "label": "stereotype", "group": "a"}, {"text": "Bob", "label": "anti"}],
     "target": "anti", "groups": {"gender": "female"}, "clusters": {"template": f"t{place}"}, "arm": "base",
     "origin": f"o{place}", "metadata": {"topic": "work", "number": place}}
    for place in range(2)
]
CARD: dict[str, Any] = {
    "name": "fuzzed", "version": 1, "title": "Fuzzed", "measures": "Nothing.", "limits": "None.", "license": "CC0-1.0",
    "source": "made here", "citation": "none", "request": "choose", "rules": ["loglikelihood", "letter"],
    "templates": [{"text": "{context}\n{question}", "prefix": "Answer:", "delimiter": " "}],
    "files": ["rows.jsonl"], "reader": "native", "groups": ["gender"], "clusters": ["template"],
    "metrics": [{"metric": "accuracy", "arm": "all", "slices": ["topic"], "groups": True}], "language": "en",
    "rows": 2, "sha256": "0" * 64,
}


# Configurations and policies


def yaml_seeds() -> list[bytes]:
    """The starter files, and a configuration of a task."""
    task = "model: smollm2\nlimit: 200\ntasks:\n  - name: mine\n    task: classification\n    data: x.csv\n"
    return [*(text.encode() for text in texts(Path()).values()), f"{task}    groups: {{gender: g}}\n".encode()]


def read_configuration(data: bytes, folder: Path) -> None:
    """As `audit.yaml`, as a policy, and as a file in which a value is replaced."""
    path = folder / "audit.yaml"
    path.write_bytes(data)
    faults = 0
    for read in (
        lambda: read_yaml(path, Config), lambda: read_policy(path), lambda: load_yaml(path),
        lambda: replace_values(path, data.decode("utf-8", "replace"), {"limit": 3}),
    ):
        try:
            read()
        except AuditkitError as error:
            faults += 1
            last = error
    if faults == 4:
        raise last


# Cards and their checks


def card_seeds() -> list[bytes]:
    """Cards of packs, in YAML and in JSON."""
    shipped = [packs_root() / name / "card.yaml" for name in ("claims", "sentiment-swaps")]
    return [json.dumps(CARD).encode(), *(path.read_bytes() for path in shipped)]


def card_inputs() -> st.SearchStrategy[bytes]:
    """Values altered, or bytes edited."""
    return st.one_of(altered([CARD]).map(as_json), edited(card_seeds(), YAML_WORDS))


def read_card(data: bytes, folder: Path) -> None:
    """Seal a pack with this card, open it, read its rows and make requests of them."""
    (folder / "card.yaml").write_bytes(data)
    (folder / "rows.jsonl").write_bytes(b"".join(as_json(row) + b"\n" for row in ROWS))
    (folder / "checks.yaml").write_bytes(data)
    try:
        open_checks(folder)
    except AuditkitError as error:
        one_line(error)
    seal(folder)
    pack = open_pack(folder)
    samples = read_samples(pack)
    for rule in pack.card.rules:
        build(pack.card, rule, samples)


# Rows


def _table(rows: list[dict[str, str]], delimiter: str = ",") -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


NATIVE_CSV = [
    {"id": f"r{place}", "input.context": "Two met.", "input.question": f"Who? {place}", "choices.0.text": "Ann",
     "choices.0.label": "stereotype", "choices.1.text": "Bob", "choices.1.label": "anti", "target": "anti",
     "clusters.template": f"t{place}", "groups.gender": "female"}
    for place in range(2)
]
USER = [{"text": f"Good, or bad? {place}", "label": ("1", "0")[place % 2], "g": "f"} for place in range(4)]
FORMS: list[tuple[str, bytes]] = [
    ("native.jsonl", b"".join(as_json(row) + b"\n" for row in ROWS)), ("native.csv", _table(NATIVE_CSV)),
    ("user.csv", _table(USER)), ("user.tsv", _table(USER, "\t")),
    ("user.jsonl", b"".join(as_json(row) + b"\n" for row in USER)), ("user.json", as_json(USER)),
    ("saved.jsonl", as_json({"id": "a/1", "probabilities": {"a": 0.5, "b": 0.5}, "rule": "probabilities"}) + b"\n"),
    ("saved.csv", b"id,scores.0,scores.1\na/1,0.5,-1e3\n"),
]
"""Name of the file to its valid content; an input is the name, a line break, and content."""


def row_seeds() -> list[bytes]:
    """One of each form."""
    return [name.encode() + b"\n" + content for name, content in FORMS]


def row_inputs() -> st.SearchStrategy[bytes]:
    """Bytes edited, or values altered, in each form."""
    words = (b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"\x00", b"\t", b"{", b"}", b"[", b"]", b":", b"NaN", b"1e999",
    b"\\ud800",
             b"\xff", b"\xef\xbb\xbf", b"null", b"[" * 2000, b"9" * 5000, b"choices.0.text", b"input.", b"clusters.x")
    lines = st.tuples(
        st.sampled_from(["native.jsonl", "user.jsonl", "user.json", "saved.jsonl"]),
        st.lists(altered([*ROWS, *USER, {"id": "a/1", "scores": [0.5, 1]}, {"id": "a/1", "tags": ["O"]}]), max_size=4),
    ).map(lambda pair: pair[0].encode() + b"\n" + (
        as_json(pair[1]) if pair[0] == "user.json" else b"".join(as_json(value) + b"\n" for value in pair[1])
    ))
    return st.one_of(edited(row_seeds(), words), lines)


def read_rows(data: bytes, folder: Path) -> None:
    """A file of rows in the form that its first line names."""
    first, _, content = data.partition(b"\n")
    name = first.decode("utf-8", "replace")
    name = name if name in dict(FORMS) else "user.csv"
    path = folder / name
    path.write_bytes(content)
    if name.startswith("native"):
        file = File(name, path, name)
        card = Benchmark.model_validate(CARD)
        _, samples = samples_of(card, ((name, f"{name}:{row.line}", row) for row in native.read(file, {})))
        build(card, "letter", samples)
    elif name.startswith("saved"):
        list(read_lines(content, path))
    else:
        open_task(Task(name="fuzzed", task="classification", data=str(path), groups={"gender": "g"}))


# Run folders


@functools.cache
def _run() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        audit(Path(folder) / "run", limit=4)
        return (Path(folder) / "run" / "journal.jsonl").read_bytes()


def journal_seeds() -> list[bytes]:
    """The journal of a small audit, and its first lines."""
    lines = _run().split(b"\n")
    return [_run(), b"\n".join(lines[:3]) + b"\n"]


def journal_inputs() -> st.SearchStrategy[bytes]:
    """Bytes edited, or lines altered, to be chained anew as a forger would."""
    lines = [json.loads(line) for line in _run().split(b"\n") if line]
    words = (b"\n", b'"seq":', b'"kind":"seal"', b"1e5", b"9" * 30, b"\xff", b"null", b'"v":3')
    forged = st.tuples(st.integers(0, len(lines) - 1), altered([line["body"] for line in lines])).map(
        lambda pair: b"forge\n" + b"".join(
            as_json({**line, "body": pair[1] if place == pair[0] else line["body"]}) + b"\n"
            for place, line in enumerate(lines)
        )
    )
    in_place = st.integers(0, len(lines) - 1).flatmap(
        lambda place: altered([lines[place]["body"]]).map(
            lambda body: b"forge\n" + b"".join(
                as_json({**line, "body": body if at == place else line["body"]}) + b"\n"
                for at, line in enumerate(lines)
            )
        )
    )
    return st.one_of(edited(journal_seeds(), words), forged, in_place)


def read_run(data: bytes, folder: Path) -> None:
    """Read a journal, assemble an audit of it, and read the same bytes as audit.json."""
    path = RunFolder(folder).journal
    forged = data.startswith(b"forge\n")
    path.write_bytes(data.removeprefix(b"forge\n"))
    if forged:
        try:
            forge(path, lambda lines: lines)
        except ValueError:  # it has no canonical form, so that no hash of it is right either
            path.write_bytes(data.removeprefix(b"forge\n"))
    (folder / "audit.json").write_bytes(data.removeprefix(b"forge\n"))
    for read in (lambda: load_audit(folder), lambda: read_journal(path, strict=False)):
        try:
            read()
        except AuditkitError as error:
            one_line(error)
    assemble(read_journal(path), dt.date(2026, 1, 1))


# Server answers

CHOICE = {"index": 0, "finish_reason": "stop", "text": " B", "message": {"role": "assistant", "content": "B"},
          "logprobs": {"tokens": [" B"], "token_logprobs": [-0.5]}}
REPLIES: list[Any] = [
    {"model": "m", "choices": [CHOICE], "usage": {"prompt_tokens": 9, "completion_tokens": 1}},
    {"error": {"message": "max_tokens is not supported, use max_completion_tokens", "code": "unsupported"}},
    {"choices": [{"message": {"content": [{"type": "text", "text": "B"}], "refusal": "no"}}]},
    {"choices": [{"text": "x", "logprobs": {"tokens": ["a", "b"], "token_logprobs": [None, -1.0]}}]},
]


def reply_seeds() -> list[bytes]:
    """Status and headers, then a body."""
    return [b"200\n" + as_json(REPLIES[0])]


def reply_inputs() -> st.SearchStrategy[bytes]:
    """A status, perhaps a header, and a body."""
    heads = st.sampled_from([
        b"200", b"200", b"200", b"400", b"401", b"404", b"429", b"500", b"302 location: http://127.0.0.1:9/", b"204",
        b"200 content-encoding: gzip", b"200 content-encoding: br", b"429 retry-after: 0", b"503 retry-after: x",
        b"200 content-type: text/event-stream", b"200 content-encoding: deflate", b"429 retry-after: -1",
    ])
    words = (b"{", b"}", b"[", b"]", b"null", b"NaN", b"1e999", b'"choices"', b"\xff", b"\\ud800", b"[" * 3000,
    b"9" * 5000)
    bodies = st.one_of(altered(REPLIES).map(as_json), edited([as_json(reply) for reply in REPLIES], words))
    return st.tuples(heads, bodies).map(b"\n".join)


def read_reply(data: bytes, folder: Path) -> None:
    """Probe an endpoint that always says this, and ask it for a text, a letter and likelihoods."""
    import httpx

    from auditkit.models.endpoint.adapter import ApiAdapter, Offer, _explore
    from auditkit.models.endpoint.client import Address, Endpoint
    from auditkit.schema import Api, Generation, Option, Request

    head, _, body = data.partition(b"\n")
    status, *header = head.decode("latin-1").split(" ", 1)
    name, _, value = header[0].partition(":") if header else ("", "", "")
    headers = {name: value.strip()} if name else {}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(int(status) if status.isdigit() else 200, headers=headers, stream=_Body(body))

    class InProcess(Endpoint):
        """An endpoint whose connections end here."""

        async def _send(self, path: str, body: dict[str, Any]) -> Any:
            self._idle = [httpx.AsyncClient(transport=httpx.MockTransport(answer))]
            return await super()._send(path, body)

    settings = Api(deadline=2, timeout=1, retries=1, backoff=0.001)
    endpoint, address = InProcess("http://localhost:1/v1", settings), Address("m", "http://localhost:1/v1")
    options = (Option(text=" B"), Option(text=" A"))
    requests = [
        Request(kind="generate", rule="text", text="Who?", generation=Generation(max_tokens=8)),
        Request(kind="choose", rule="letter", text="Who?", options=options, generation=Generation(max_tokens=8)),
        Request(kind="choose", rule="loglikelihood", text="Who?", options=options),
    ]

    async def ask() -> None:
        async with endpoint.session():
            offers = [Offer(completions=True, chat=chat, likelihood=None) for chat in (True, False)]
            for offer in offers:
                adapter = ApiAdapter("openai:m@x", address, endpoint, offer)
                for request in requests:
                    try:
                        await adapter._answer(request)
                    except AuditkitError as error:
                        one_line(error)
            await _explore(endpoint, "auto", address)

    asyncio.run(ask())


def _body_type() -> Any:
    import httpx

    class Body(httpx.AsyncByteStream):
        """Bytes as they come over a line, in two pieces."""

        def __init__(self, content: bytes) -> None:
            self._content = content

        async def __aiter__(self) -> Any:
            half = len(self._content) // 2
            yield self._content[:half]
            yield self._content[half:]

    return Body


_Body = _body_type()
