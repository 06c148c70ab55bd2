"""The same weights locally, behind an endpoint, and as saved predictions: the same answers and the same estimates.

The endpoint holds the model with transformers' own `generate`, forward and chat template, one request at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import auditkit
from auditkit.load.packs import open_pack
from auditkit.load.requests import build
from auditkit.load.samples import read_samples
from auditkit.load.sampling import limit
from auditkit.measure.answers import read
from auditkit.models.endpoint.probe import PROMPT
from auditkit.pipeline.export import export_predictions
from auditkit.schema import Api, Audit, Estimate, Output
from auditkit.store.journal import read_journal

ROWS = 16
CHAT = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
QUICK = Api(deadline=60, timeout=30, retries=0)


def tokenizer_of(texts: list[str]) -> Any:
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>", "<|user|>", "<|assistant|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=special, initial_alphabet=alphabet)
    inner.train_from_iterator(texts, trainer)
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    made.chat_template = CHAT
    return made


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """A tiny model that knows the days of the week and answers with letters: its folder, itself, its tokenizer."""
    pack = open_pack("ambiguous-qa")
    samples = limit(read_samples(pack), ROWS, 0)
    asked = [f"{request.text}\n{request.prefix}" for request in build(pack.card, "letter", samples)]
    tokenizer = tokenizer_of([*asked, f"{PROMPT} Sunday"] * 3)
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=900, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, max_position_embeddings=1024, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )
    model = transformers.LlamaForCausalLM(config)
    lines = [
        *(f"<s><|user|>{text}\n<|assistant|>{'ABC'[at % 3]}</s>" for at, text in enumerate(asked[:6])),
        *[f"{PROMPT} Sunday", f"<s>{PROMPT} Sunday"] * 3,
    ]
    batch = tokenizer(lines, return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False)
    labels = torch.full_like(batch["input_ids"], -100)
    labels[:, -4:] = batch["input_ids"][:, -4:]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(40):
        loss = model(**batch, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    folder = tmp_path_factory.mktemp("taught")
    model.eval().save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder, model, tokenizer


class Serving:
    """What the endpoint answers."""

    def __init__(self, model: Any, tokenizer: Any, *, bos: bool) -> None:
        self.model, self.tokenizer, self.bos = model, tokenizer, bos

    def written(self, ids: list[int], body: dict[str, Any]) -> list[int]:
        with torch.inference_mode():
            made = self.model.generate(
                torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
                max_new_tokens=body["max_tokens"],
            )
        return list(made[0, len(ids) :].tolist())

    def completions(self, body: dict[str, Any]) -> Any:
        """As vLLM: a BOS that the server adds is echoed as a token of its own; the first token has no value."""
        prompt = body["prompt"]
        found = self.tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)
        ids, texts = found["input_ids"], [prompt[start:end] for start, end in found["offset_mapping"]]
        if self.bos:
            ids, texts = [1, *ids], ["<s>", *texts]
        new = self.written(ids, body)
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(new)}
        if body.get("logprobs") is None:
            choice: dict[str, Any] = {"text": self.tokenizer.decode(new, skip_special_tokens=True)}
        else:
            every = [*ids, *new]
            with torch.inference_mode():
                logits = self.model(torch.tensor([every])).logits[0].double().log_softmax(-1)
            values = [None, *(float(logits[at - 1, every[at]]) for at in range(1, len(every)))]
            shown = [*texts, *(self.tokenizer.decode([token]) for token in new)]
            first = 0 if body.get("echo") else len(ids)
            choice = {
                "text": "".join(shown[first:]), "logprobs": {"tokens": shown[first:], "token_logprobs": values[first:]}
            }
        return 200, {}, {"model": "taught", "choices": [choice], "usage": usage}

    def chat(self, body: dict[str, Any]) -> Any:
        text = self.tokenizer.apply_chat_template(body["messages"], tokenize=False, add_generation_prompt=True)
        ids = self.tokenizer(text, add_special_tokens=False).input_ids
        new = self.written(ids, body)
        message = {"role": "assistant", "content": self.tokenizer.decode(new, skip_special_tokens=True)}
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(new)}
        return 200, {}, {"model": "taught", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Audit]:
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / "cache"))

    def run(model: str, name: str, *packs: str, **settings: Any) -> Audit:
        return auditkit.audit(
            model, packs=packs, out=str(tmp_path / name), limit=ROWS, device="cpu", threads=1, api=QUICK,
            explain={"samples": 0}, **settings,
        )

    return run


def serve(toy: Any, taught: tuple[Path, Any, Any], *, bos: bool = False, logprobs: bool = True) -> None:
    served = Serving(taught[1], taught[2], bos=bos)
    toy.chat = served.chat
    toy.completions = served.completions if logprobs else lambda body: served.completions({**body, "logprobs": None})


def numbers(audit: Audit) -> list[Any]:
    """What a report shows of each estimate; likelihoods of two executions differ in the seventh digit."""
    return [
        (e.id, e.value, e.low, e.high, e.n, e.clusters, e.unscored, e.at_lowest_fill, e.at_highest_fill, e.signature)
        for e in audit.estimates if not of_scores(e)
    ]


def from_scores(audit: Audit) -> dict[str, tuple[float | None, ...]]:
    """The numbers that are made of the likelihoods themselves, and not of the choices."""
    return {str(e.id): (e.value, e.low, e.high) for e in audit.estimates if of_scores(e)}


def of_scores(estimate: Estimate) -> bool:
    return estimate.id.metric.startswith(("expected_", "target_probability"))


def answers(run: Path) -> dict[str, Output]:
    return read_journal(run / "journal.jsonl").outputs


@pytest.mark.slow
def test_letters_are_the_same_locally_served_and_saved(
    toy: Any, taught: tuple[Path, Any, Any], audit: Callable[..., Audit], tmp_path: Path
) -> None:
    serve(toy, taught, logprobs=False)
    local = audit(str(taught[0]), "local", "ambiguous-qa", rules={"ambiguous-qa": "letter"})
    served = audit(f"openai:taught@{toy.url}", "served", "ambiguous-qa")
    assert served.rules == local.rules == {"ambiguous-qa": "letter"}
    assert "carries no logprobs" in served.subject.parts["likelihood"]
    ours, theirs = answers(tmp_path / "local"), answers(tmp_path / "served")
    assert {sha: (o.text, o.prompt_tokens) for sha, o in ours.items()} == {
        sha: (o.text, o.prompt_tokens) for sha, o in theirs.items()
    }
    records = read_journal(tmp_path / "local" / "journal.jsonl")
    asked = {name: sha for sha, names in records.askers.items() for name in names}
    letters = [read(sample, ours[asked[sample.id]]).label for sample in records.samples]
    assert len(letters) == ROWS
    assert len(set(letters) - {None}) > 1, "the model says more than one letter"
    assert export_predictions(tmp_path / "served", tmp_path / "saved.jsonl") == ROWS
    saved = audit(f"predictions:{tmp_path / 'saved.jsonl'}", "saved", "ambiguous-qa")
    assert local.estimates == served.estimates == saved.estimates


@pytest.mark.slow
@pytest.mark.parametrize("bos", ["always", "never"])
def test_likelihoods_are_the_same_locally_served_and_saved(
    toy: Any, taught: tuple[Path, Any, Any], audit: Callable[..., Audit], tmp_path: Path, bos: str
) -> None:
    packs = ("ambiguous-qa", "stereotype-pairs")
    serve(toy, taught, bos=bos == "always")
    served = audit(f"openai:taught@{toy.url}", "served", *packs)
    assert served.subject.parts["bos"].startswith(f"before every text: {bos}")
    local = audit(str(taught[0]), "local", *packs, bos=bos, chat="never")
    assert local.subject.parts["bos"].startswith(f"before every text: {bos}")
    assert served.rules == local.rules == {
        "ambiguous-qa": "loglikelihood_per_byte", "stereotype-pairs": "loglikelihood",
    }
    assert (served.errored, local.errored) == (0, 0)
    ours, theirs = answers(tmp_path / "local"), answers(tmp_path / "served")
    assert ours.keys() == theirs.keys()
    for sha, output in ours.items():
        assert [(each.tokens, each.bytes, each.merged) for each in output.answer.options] == [
            (each.tokens, each.bytes, each.merged) for each in theirs[sha].answer.options
        ]
        assert [each.sum for each in output.answer.options] == pytest.approx(
            [each.sum for each in theirs[sha].answer.options], abs=1e-3
        )
    assert export_predictions(tmp_path / "served", tmp_path / "saved.jsonl") == 3 * ROWS
    saved = audit(f"predictions:{tmp_path / 'saved.jsonl'}", "saved", *packs)
    assert saved.estimates == served.estimates
    assert numbers(local) == numbers(served)
    scores, others = from_scores(local), from_scores(served)
    assert scores.keys() == others.keys()
    assert all(others[name] == pytest.approx(values, abs=1e-3) for name, values in scores.items())
    assert len(scores) > 2


def test_another_bos_gives_other_numbers_and_the_report_says_so(
    taught: tuple[Path, Any, Any], audit: Callable[..., Audit], tmp_path: Path
) -> None:
    for bos in ("always", "never", "auto"):
        audit(str(taught[0]), bos, "ambiguous-qa", "stereotype-pairs", bos=bos, chat="never")
    sums = {
        bos: {
            sha: [each.sum for each in output.answer.options]
            for sha, output in answers(tmp_path / bos).items()
        }
        for bos in ("always", "never", "auto")
    }
    pairs = {
        name for name, request in read_journal(tmp_path / "auto" / "journal.jsonl").requests.items()
        if request.kind == "compare"
    }
    for sha in sums["auto"]:
        like = "always" if sha in pairs else "never"
        other = "never" if sha in pairs else "always"
        assert sums["auto"][sha] == pytest.approx(sums[like][sha], abs=1e-4), "auto: BOS before whole texts alone"
        assert sums["auto"][sha] != pytest.approx(sums[other][sha], abs=1e-4)
