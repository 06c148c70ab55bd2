"""Tiny random encoder-decoders, and requests to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as t

from auditkit.models.open import open_model
from auditkit.schema import Config, Generation, Option, Output, Request

PAD, BOS, EOS = 0, 1, 2
CORPUS = [
    "The doctor said that she was late for the meeting, and the nurse said that he was early.",
    "Das Haus ist wunderbar. Who is the engineer? Answer: Mary Answer: John Answer: unknown. Yes or no?",
    "My neighbour can't repair the car; naïve café people know the old man and the young woman.",
] * 4


SIZE = {
    "vocab_size": 400, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "max_position_embeddings": 256,
    "pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": EOS, "init_std": 0.3,
}


WORDS = sorted({word for text in CORPUS for word in text.split()})


LETTERS = sorted({letter for text in CORPUS for letter in text if letter != " "})


def nllb() -> Any:
    names = ["<s>", "<pad>", "</s>", "<unk>", "▁", *LETTERS]
    return t.NllbTokenizer(
        vocab={name: at for at, name in enumerate(names)}, merges=[], src_lang="eng_Latn",
        extra_special_tokens=["eng_Latn", "deu_Latn", "fra_Latn"],
    )


def mbart(kind: Any) -> Any:
    vocab = [(piece, 0.0) for piece in ("<s>", "<pad>", "</s>", "<unk>")]
    vocab += [(f"▁{word}", -2.0) for word in WORDS[::2]] + [(piece, -4.0) for piece in ["▁", *LETTERS]]
    return kind(vocab=vocab, src_lang="en_XX")


def build(name: str, byte_level: Callable[[str], Any]) -> tuple[Any, Any]:
    torch.manual_seed(11)
    if name == "t5":
        config = t.T5Config(
            vocab_size=400, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_decoder_layers=2, num_heads=4,
            relative_attention_num_buckets=8, relative_attention_max_distance=16, feed_forward_proj="gated-gelu",
            decoder_start_token_id=PAD, pad_token_id=PAD, eos_token_id=EOS, initializer_factor=3.0,
        )
        return t.T5ForConditionalGeneration(config), byte_level("$A </s>")
    if name == "bart":
        model = t.BartForConditionalGeneration(t.BartConfig(**SIZE, decoder_start_token_id=EOS))
        model.generation_config.update(forced_bos_token_id=BOS, forced_eos_token_id=EOS)
        return model, byte_level("<s> $A </s>")
    if name == "marian":
        config = t.MarianConfig(**{**SIZE, "decoder_vocab_size": 400}, decoder_start_token_id=PAD,
                                scale_embedding=True)
        model = t.MarianMTModel(config)
        model.generation_config.update(num_beams=4, bad_words_ids=[[PAD]], forced_eos_token_id=EOS, max_length=64)
        model.final_logits_bias.normal_()
        return model, byte_level("$A </s>")
    tokenizer = {"nllb": nllb, "mbart": lambda: mbart(t.MBartTokenizer),
                 "mbart50": lambda: mbart(t.MBart50Tokenizer)}[name]()
    ids = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": 0, "eos_token_id": 2, "vocab_size": len(tokenizer)}
    if name == "nllb":
        config = t.M2M100Config(**{**SIZE, **ids}, decoder_start_token_id=2, scale_embedding=True)
        return t.M2M100ForConditionalGeneration(config), tokenizer
    start = tokenizer.convert_tokens_to_ids("de_DE") if name == "mbart" else 2
    model = t.MBartForConditionalGeneration(t.MBartConfig(**{**SIZE, **ids}, decoder_start_token_id=start))
    return model, tokenizer


FAMILIES = ["t5", "bart", "marian", "nllb", "mbart", "mbart50"]


LANGUAGES = {
    "nllb": {"source_language": "eng_Latn", "target_language": "deu_Latn"},
    "mbart": {"source_language": "en_XX", "target_language": "de_DE"},
    "mbart50": {"source_language": "en_XX", "target_language": "de_DE"},
}


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory, make_tokenizer: Callable[..., Any]) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("seq2seq")

    def byte_level(template: str) -> Any:
        return make_tokenizer(template=template, corpus=CORPUS, unk_token="<pad>")

    def save(name: str) -> Path:
        if not (root / name).exists():
            model, tokenizer = build(name, byte_level)
            model.eval().save_pretrained(str(root / name))
            tokenizer.save_pretrained(str(root / name))
        return root / name

    return save


@pytest.fixture(scope="session")
def opened(saved: Callable[[str], Path]) -> Callable[..., Any]:
    known: dict[str, Any] = {}

    def get(name: str) -> Any:
        if name not in known:
            known[name] = open_model(Config(model=str(saved(name)), device="cpu", **LANGUAGES.get(name, {})))
            assert known[name].scorer  # its own check reads texts too: made before a test counts what is read
        return known[name]

    return get


@pytest.fixture(scope="session")
def plain(saved: Callable[[str], Path]) -> Callable[[str], tuple[Any, Any]]:
    """Model and tokenizer as transformers loads them: the oracle."""
    known: dict[str, Any] = {}

    def get(name: str) -> tuple[Any, Any]:
        if name not in known:
            path = str(saved(name))
            codes = LANGUAGES.get(name, {})
            named = {"src_lang": codes["source_language"], "tgt_lang": codes["target_language"]} if codes else {}
            model = t.AutoModelForSeq2SeqLM.from_pretrained(path, dtype=torch.float32).eval()
            known[name] = (model, t.AutoTokenizer.from_pretrained(path, **named))
        return known[name]

    return get


def beginning(name: str, tokenizer: Any) -> list[int]:
    """Decoder ids before a target, by hand from the model cards."""
    code = tokenizer.convert_tokens_to_ids(LANGUAGES[name]["target_language"]) if name in LANGUAGES else -1
    return {
        "t5": [PAD], "marian": [PAD], "bart": [EOS, BOS], "nllb": [2, code], "mbart": [code], "mbart50": [2, code],
    }[name]


def ask(adapter: Any, requests: list[Request]) -> list[Output]:
    return list(adapter.execute(adapter.encode(requests)))


def choose(text: str, prefix: str = "", options: tuple[str, ...] = (" Mary", " the old man", " unknown")) -> Request:
    made = tuple(Option(text=option) for option in options)
    return Request(kind="choose", rule="loglikelihood", text=text, prefix=prefix, options=made)


def compare(*texts: str) -> Request:
    return Request(kind="compare", rule="loglikelihood", options=tuple(Option(text=text) for text in texts))


def write(text: str, prefix: str = "", **settings: Any) -> Request:
    draw = settings.pop("draw", 0)
    return Request(
        kind="generate", rule="text", text=text, prefix=prefix, generation=Generation(**settings), draw=draw
    )
