"""Translation models with sentencepiece tokenizers: Marian's two vocabularies and language tokens, M2M100's codes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as t

from auditkit.errors import ModelError
from auditkit.models.open import open_model
from auditkit.models.tokens.languages import around
from auditkit.schema import Config, Generation, Option, Request

sentencepiece = pytest.importorskip("sentencepiece", reason="extra translation is not installed")

ENGLISH = ["The house is wonderful.", "The doctor said that she was late for the meeting.", "Who is it?"] * 10
GERMAN = ["Das Haus ist wunderbar.", "Die Ärztin sagte, dass sie zu spät kam.", "Wer ist das?"] * 10
SIZE = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "max_position_embeddings": 128,
    "init_std": 0.3,
}
OPTIONS = ("Das Haus", "Wer ist das?", "wunderbar")


def train(path: Path, texts: list[str]) -> list[str]:
    """A sentencepiece model, and its pieces without the special ones."""
    with path.open("wb") as stream:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=stream, vocab_size=60, minloglevel=2, model_type="bpe",
            hard_vocab_limit=False,
        )
    loaded = sentencepiece.SentencePieceProcessor(str(path))
    return [loaded.IdToPiece(at) for at in range(3, loaded.vocab_size())]


def marian(folder: Path, *, separate: bool, codes: tuple[str, ...] = ()) -> Path:
    """A tiny Marian model; `separate` vocabularies as in opus-mt-tc-big, language tokens as in opus-mt-en-roa."""
    folder.mkdir()
    source, target = train(folder / "source.spm", ENGLISH), train(folder / "target.spm", GERMAN)
    special = ["</s>", "<unk>", *(f">>{code}<<" for code in codes)]
    names = special + (source if separate else list(dict.fromkeys(source + target))) + ["<pad>"]
    (folder / "vocab.json").write_text(json.dumps({name: at for at, name in enumerate(names)}))
    ours = special + target + ["<pad>"]
    if separate:
        (folder / "target_vocab.json").write_text(json.dumps({name: at for at, name in enumerate(ours)}))
    tokenizer = t.MarianTokenizer(
        source_spm=str(folder / "source.spm"), target_spm=str(folder / "target.spm"), vocab=str(folder / "vocab.json"),
        target_vocab_file=str(folder / "target_vocab.json") if separate else None, separate_vocabs=separate,
    )
    torch.manual_seed(5)
    decoder = len(ours) if separate else len(names)
    model = t.MarianMTModel(
        t.MarianConfig(
            **SIZE, vocab_size=len(names), decoder_vocab_size=decoder, share_encoder_decoder_embeddings=not separate,
            pad_token_id=len(names) - 1 if not separate else decoder - 1, eos_token_id=0,
            decoder_start_token_id=decoder - 1, tie_word_embeddings=not separate,
        )
    )
    model.generation_config.update(num_beams=6, bad_words_ids=[[decoder - 1]], forced_eos_token_id=0)
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder


def m2m100(folder: Path) -> Path:
    folder.mkdir()
    names = ["<s>", "<pad>", "</s>", "<unk>", *train(folder / "sentencepiece.bpe.model", ENGLISH + GERMAN)]
    (folder / "vocab.json").write_text(json.dumps({name: at for at, name in enumerate(names)}))
    tokenizer = t.M2M100Tokenizer(str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"))
    torch.manual_seed(5)
    model = t.M2M100ForConditionalGeneration(
        t.M2M100Config(
            **SIZE, vocab_size=len(names) + 108, pad_token_id=1, bos_token_id=0, eos_token_id=2,
            decoder_start_token_id=2,
        )
    )
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder


def check(folder: Path, begin: list[int], source: str, **settings: Any) -> Any:
    """Likelihoods and greedy text equal transformers' own, with the languages that the settings name."""
    adapter = open_model(Config(model=str(folder), device="cpu", **settings))
    languages = {"src_lang": settings.get("source_language"), "tgt_lang": settings.get("target_language")}
    named = {} if "source_language" not in settings else languages
    tokenizer = t.AutoTokenizer.from_pretrained(str(folder), **named)
    model = t.AutoModelForSeq2SeqLM.from_pretrained(str(folder)).eval()
    inputs = tokenizer(source, return_tensors="pt")
    requests = [
        Request(kind="choose", rule="loglikelihood", text="The house is wonderful.",
                options=tuple(Option(text=option) for option in OPTIONS)),
        Request(kind="generate", rule="text", text="The house is wonderful.", generation=Generation(max_tokens=6)),
    ]
    chosen, written = adapter.execute(adapter.encode(requests))
    for option, score in zip(OPTIONS, chosen.answer.options, strict=True):
        ids = tokenizer(text_target=option, add_special_tokens=False).input_ids
        with torch.no_grad():
            logits = model(
                **inputs, decoder_input_ids=torch.tensor([begin + ids])
            ).logits[0].double().log_softmax(-1)
        expected = [float(logits[len(begin) + at - 1, token]) for at, token in enumerate(ids)]
        assert score.sum == pytest.approx(math.fsum(expected), rel=1e-4)
        assert score.tokens == len(ids)
    found = model.generate(
        **inputs, num_beams=1, do_sample=False, max_new_tokens=6, decoder_input_ids=torch.tensor([begin])
    )[0][len(begin) :]
    assert written.text == tokenizer.decode(found, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert "compare" not in adapter.rules, "sentencepiece does not say where its tokens lie"
    return adapter


@pytest.mark.parametrize("separate", [False, True])
def test_marian_reads_one_vocabulary_and_writes_the_other(separate: bool, tmp_path: Path) -> None:
    folder = marian(tmp_path / "marian", separate=separate)
    settings = json.loads((folder / "config.json").read_text())
    adapter = check(folder, [settings["decoder_start_token_id"]], "The house is wonderful.")
    assert "not followed: num_beams 6" in adapter.subject.parts["decoding"]
    assert "sacremoses" in adapter.subject.parts["punctuation"]


def test_marians_language_token_goes_before_the_source(tmp_path: Path) -> None:
    folder = marian(tmp_path / "marian", separate=False, codes=("deu", "fra"))
    settings = json.loads((folder / "config.json").read_text())
    begin = [settings["decoder_start_token_id"]]
    adapter = check(folder, begin, ">>deu<< The house is wonderful.", target_language="deu")
    named = Request(kind="choose", rule="loglikelihood", text=">>fra<< The house", options=(Option(text="Das"),))
    sequence = adapter.encode([named])[0].sequences[0]
    assert sequence.ids[0] == 3, "a code in the prompt is left as it is"
    with pytest.raises(ModelError, match="target_language: is missing; this model has deu, fra"):
        open_model(Config(model=str(folder), device="cpu"))
    with pytest.raises(ModelError, match="leave source_language out"):
        open_model(Config(model=str(folder), device="cpu", source_language="eng", target_language="deu"))


def test_m2m100_forces_the_targets_code(tmp_path: Path) -> None:
    folder = m2m100(tmp_path / "m2m100")
    code = t.M2M100Tokenizer.from_pretrained(str(folder)).get_lang_id("de")
    settings = {"source_language": "en", "target_language": "de"}
    adapter = check(folder, [2, code], "The house is wonderful.", **settings)
    assert adapter.subject.parts["languages"] == "en to de"
    with pytest.raises(ModelError, match='"deu" is none of its codes; this model has af, am, ar'):
        open_model(Config(model=str(folder), device="cpu", target_language="deu"))


def test_a_tokenizers_files_are_in_the_fingerprint(tmp_path: Path) -> None:
    folder = marian(tmp_path / "marian", separate=True)
    before = open_model(Config(model=str(folder), device="cpu")).subject.parts
    train(folder / "target.spm", [text.lower() for text in GERMAN])
    after = open_model(Config(model=str(folder), device="cpu")).subject.parts
    assert {key for key in before if before[key] != after[key]} == {"tokenizer"}


def test_special_tokens_around_a_text() -> None:
    assert around([7, 5, 6, 2], [5, 6]) == (1, 1)
    assert around([5, 6], [5, 6]) == (0, 0)
