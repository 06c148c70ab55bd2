"""Tiny random models of several families, saved as users save them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from auditkit.models.open import open_model
from auditkit.schema import Config

CORPUS = [
    "The doctor said that she was late for the meeting, and the nurse said that he was early.",
    "Who is the engineer? Answer: Mary Answer: John Answer: unknown. Yes or no? Yes No",
    "My neighbour can't repair the car; naïve café people know the old man and the young woman.",
    "good bad fine great awful movie film user assistant system 0 1 2 3 4 5 6 7 8 9",
] * 4
CHAT = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def byte_level(
    *, adds_bos: bool = False, chat: bool = False, template: str | None = None, corpus: Sequence[str] = CORPUS,
    size: int = 400, **names: Any,
) -> Any:
    """A small byte-level tokenizer, which can spell every text exactly: 0 is padding, 1 BOS, 2 EOS.

    Args:
        adds_bos: whether it puts BOS before every text, as Llama's does.
        chat: whether it has a chat template.
        template: what it puts around every text `$A`, in place of `adds_bos`.
        corpus: what its words are made of.
        size: of the vocabulary.
        names: settings of the tokenizer, e.g. `unk_token`.
    """
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>"]
    inner.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=size, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    template = template or ("<s> $A" if adds_bos else None)
    if template:
        inner.post_processor = processors.TemplateProcessing(
            single=template, special_tokens=[("<s>", 1), ("</s>", 2)]
        )
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", **names}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **names)
    if chat:
        tokenizer.chat_template = CHAT
    return tokenizer


def word_piece() -> Any:
    """A small BERT-like tokenizer; id 0 is padding, as RoBERTa's position rule needs a fixed one."""
    inner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=True)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    inner.train_from_iterator(
        CORPUS, trainers.WordPieceTrainer(vocab_size=260, special_tokens=special, show_progress=False)
    )
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]", model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


DECODER = {"vocab_size": 400, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "initializer_range": 0.3}
SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
ROTARY = {**DECODER, **SIZE, "max_position_embeddings": 128}
ENCODER = {**SIZE, "vocab_size": 260, "pad_token_id": 0, "max_position_embeddings": 64, "initializer_range": 0.3}
CLASSES = ("negative", "positive", "neutral")
LABELS = {"id2label": dict(enumerate(CLASSES)), "label2id": {name: at for at, name in enumerate(CLASSES)}}
DISTIL = {"vocab_size": 260, "pad_token_id": 0, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48,
          "max_position_embeddings": 64, "initializer_range": 0.3}
ROBERTA = {**ENCODER, "max_position_embeddings": 65, "type_vocab_size": 1}


DEBERTA = {**ENCODER, "type_vocab_size": 0, "relative_attention": True, "pos_att_type": ["c2p", "p2c"],
           "position_biased_input": False}
ALBERT = {**ENCODER, "embedding_size": 16, "num_hidden_groups": 1, "inner_group_num": 1}
ELECTRA = {**ENCODER, "embedding_size": 16}
TAGS = ("O", "B-person", "I-person", "B-place", "I-place")
HEADS = {
    "classifier": ("SequenceClassification", LABELS), "pairs": ("SequenceClassification", LABELS),
    "regression": ("SequenceClassification", {"num_labels": 1}),
    "multilabel": ("SequenceClassification", {**LABELS, "problem_type": "multi_label_classification"}),
    "tagger": (
        "TokenClassification", {"id2label": dict(enumerate(TAGS)), "label2id": {tag: at for at, tag in enumerate(TAGS)}}
    ),
    "span": ("QuestionAnswering", {}), "embedder": ("", {}),
}
"""End of a name to the head's class and its settings."""
ENCODERS = {
    "bert": ("Bert", ENCODER), "roberta": ("Roberta", ROBERTA), "distilbert": ("DistilBert", DISTIL),
    "deberta": ("DebertaV2", DEBERTA), "albert": ("Albert", ALBERT), "electra": ("Electra", ELECTRA),
}


def encoder(name: str) -> tuple[Any, Any]:
    """An encoder with a head: `bert-tagger`, `roberta-span` …; the tagger of RoBERTa has a byte-level tokenizer."""
    body, head = name.split("-")
    (family, settings), (purpose, extra) = ENCODERS[body], HEADS[head]
    bytewise = name == "roberta-tagger"
    size = {"vocab_size": 400, "bos_token_id": 1, "eos_token_id": 2} if bytewise else {}
    config = getattr(transformers, f"{family}Config")(**{**settings, **extra, **size})
    model = getattr(transformers, f"{family}For{purpose}" if purpose else f"{family}Model")(config)
    for weight in model.parameters():  # biases start at 0: two classes without a text would tie
        if weight.dim() == 1:
            torch.nn.init.normal_(weight, mean=weight.mean().item(), std=0.1)
    return model, byte_level(adds_bos=True) if bytewise else word_piece()


def build(name: str) -> tuple[Any, Any]:
    """Model and tokenizer of a family."""
    t = transformers
    torch.manual_seed(7)
    table: dict[str, Callable[[], tuple[Any, Any]]] = {
        "llama": lambda: (
            t.LlamaForCausalLM(t.LlamaConfig(**ROTARY, num_key_value_heads=2)), byte_level(adds_bos=True)
        ),
        "llama-chat": lambda: (
            t.LlamaForCausalLM(t.LlamaConfig(**ROTARY, num_key_value_heads=2)), byte_level(adds_bos=True, chat=True)
        ),
        "gpt2": lambda: (
            t.GPT2LMHeadModel(t.GPT2Config(**DECODER, n_positions=128, n_embd=32, n_layer=2, n_head=4)),
            byte_level(adds_bos=False),
        ),
        "neox": lambda: (t.GPTNeoXForCausalLM(t.GPTNeoXConfig(**ROTARY)), byte_level(adds_bos=False)),
        "gemma2": lambda: (
            t.Gemma2ForCausalLM(
                t.Gemma2Config(
                    **ROTARY, num_key_value_heads=2, head_dim=8, final_logit_softcapping=2.0,
                    attn_logit_softcapping=5.0, sliding_window=16, query_pre_attn_scalar=8,
                )
            ),
            byte_level(adds_bos=True),
        ),
        "bert": lambda: (t.BertForMaskedLM(t.BertConfig(**ENCODER)), word_piece()),
        "roberta": lambda: (t.RobertaForMaskedLM(t.RobertaConfig(**ROBERTA)), word_piece()),
        "distilbert": lambda: (t.DistilBertForMaskedLM(t.DistilBertConfig(**DISTIL)), word_piece()),
        "electra": lambda: (t.ElectraForMaskedLM(t.ElectraConfig(**ELECTRA)), word_piece()),
        "albert": lambda: (t.AlbertForMaskedLM(t.AlbertConfig(**ALBERT)), word_piece()),
        "bert-classifier": lambda: (
            t.BertForSequenceClassification(t.BertConfig(**ENCODER, **LABELS)), word_piece()
        ),
        "roberta-classifier": lambda: (
            t.RobertaForSequenceClassification(t.RobertaConfig(**ROBERTA, **LABELS)), word_piece()
        ),
        "bert-multilabel": lambda: (
            t.BertForSequenceClassification(
                t.BertConfig(**ENCODER, **LABELS, problem_type="multi_label_classification")
            ),
            word_piece(),
        ),
        "gpt2-classifier": lambda: (
            t.GPT2ForSequenceClassification(
                t.GPT2Config(**DECODER, n_positions=128, n_embd=32, n_layer=2, n_head=4, **LABELS)
            ),
            byte_level(adds_bos=False),
        ),
    }
    return table[name]() if name in table else encoder(name)


@pytest.fixture(scope="session")
def make_tokenizer() -> Callable[..., Any]:
    """See `byte_level`."""
    return byte_level


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Several people share the machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a family's tiny model, saved once."""
    root = tmp_path_factory.mktemp("tiny")

    def save(name: str) -> Path:
        path = root / name
        if not path.exists():
            model, tokenizer = build(name)
            model.eval().save_pretrained(str(path))
            tokenizer.save_pretrained(str(path))
        return path

    return save


@pytest.fixture
def own(folder: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """The same, copied so that a test may damage it."""
    return lambda name: Path(shutil.copytree(folder(name), tmp_path / name))


@pytest.fixture(scope="session")
def opened(folder: Callable[[str], Path]) -> Callable[..., Any]:
    """An adapter of a tiny model."""
    known: dict[Any, Any] = {}

    def get(name: str, **settings: Any) -> Any:
        key = (name, *sorted(settings.items()))
        if key not in known:
            known[key] = open_model(Config(model=str(folder(name)), device="cpu", **settings))
        return known[key]

    return get


@pytest.fixture(scope="session")
def reference(folder: Callable[[str], Path]) -> Callable[[str], tuple[Any, Any]]:
    """Model and tokenizer as transformers loads them: the oracle."""
    known: dict[str, Any] = {}

    def get(name: str) -> tuple[Any, Any]:
        if name not in known:
            path = str(folder(name))
            family, _, purpose = name.partition("-")
            head = HEADS.get(purpose, ("MaskedLM" if family in ENCODERS else "CausalLM", {}))[0]
            loader = getattr(transformers, f"AutoModelFor{head}" if head else "AutoModel")
            model = loader.from_pretrained(path, dtype=torch.float32).eval()
            known[name] = (model, transformers.AutoTokenizer.from_pretrained(path))
        return known[name]

    return get
