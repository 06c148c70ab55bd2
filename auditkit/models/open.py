"""Opening a model: find it, decide its family, load it safely, name exactly what was loaded."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from auditkit import registry
from auditkit.errors import ModelError
from auditkit.models import device as devices
from auditkit.models.adapter import Adapter
from auditkit.models.encoders.embedder import is_sentence_encoder, read_pooling
from auditkit.models.scripted.planted import BEHAVIOURS
from auditkit.models.seq2seq.generation import target_parts
from auditkit.models.tokens.encoding import boundary_rule, render_chat
from auditkit.models.tokens.languages import find_target
from auditkit.models.weights import peft
from auditkit.models.weights.checkpoint import Checkpoint, window
from auditkit.models.weights.fingerprint import files_sha256, source_sha256, text_sha256, tokenizer_sha256
from auditkit.models.weights.locate import Located, locate
from auditkit.models.weights.quantise import quantise
from auditkit.schema import Config, Subject, digest
from auditkit.schema.event import Event, OnEvent, ignore

_CLASSES = {
    "causal": "AutoModelForCausalLM",
    "masked": "AutoModelForMaskedLM",
    "classifier": "AutoModelForSequenceClassification",
    "tagger": "AutoModelForTokenClassification",
    "span": "AutoModelForQuestionAnswering",
    "seq2seq": "AutoModelForSeq2SeqLM",
    "embedder": "AutoModel",
}
_SUFFIXES = {
    "classifier": "ForSequenceClassification", "tagger": "ForTokenClassification", "span": "ForQuestionAnswering",
    "masked": "ForMaskedLM", "causal": "ForCausalLM",
}
"""Family to the end of the architecture's name in config.json."""


def open_model(config: Config, on_event: OnEvent = ignore) -> Adapter:
    """Load the model that a configuration names, as an adapter of its family.

    Args:
        config: the model's name and load options.
        on_event: told before anything slow.

    Raises:
        ModelError: the model cannot be opened as asked; the text says what to do.
    """
    from auditkit.models.causal.adapter import CausalAdapter
    from auditkit.models.encoders.classifier import ClassifierAdapter
    from auditkit.models.encoders.embedder import EmbedderAdapter
    from auditkit.models.encoders.masked import MaskedAdapter
    from auditkit.models.encoders.span import SpanAdapter
    from auditkit.models.encoders.tagger import TaggerAdapter
    from auditkit.models.seq2seq.adapter import Seq2SeqAdapter

    if config.model.startswith("openai:"):
        from auditkit.models.endpoint.adapter import open_api

        return open_api(config, on_event)
    if config.model.partition(":")[0] == "planted":
        raise ModelError(
            f"{config.model}: planted models answer from a pack's labels and are opened by the pipeline; "
            f"known names: {', '.join(BEHAVIOURS)}"
        )
    devices.quiet()
    devices.set_threads(config.threads)
    located = locate(config, on_event)
    kind = family(located, config)
    on_event(Event("load", f"loading {config.model} ({kind})"))
    checkpoint = load(located, kind, config)
    adapters: dict[str, Callable[[Checkpoint], Adapter]] = {
        "causal": CausalAdapter, "masked": MaskedAdapter, "classifier": ClassifierAdapter, "tagger": TaggerAdapter,
        "span": SpanAdapter, "seq2seq": Seq2SeqAdapter, "embedder": EmbedderAdapter,
    }
    return adapters[kind](checkpoint)


def family(located: Located, config: Config) -> str:
    """The family: what the user says, else the adapter's task, else what config.json and modules.json say.

    Raises:
        ModelError: the config names a family that is not supported, or none.
    """
    if config.kind != "auto":
        return config.kind
    if located.adapter and located.adapter.family in _CLASSES:
        return located.adapter.family
    from transformers.models.auto import modeling_auto as auto

    if is_sentence_encoder(located.folder):
        return "embedder"
    names = {
        "seq2seq": auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
        "classifier": auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
        "tagger": auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES,
        "span": auto.MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES,
        "masked": auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        "causal": auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    }
    architectures = [str(name) for name in located.settings.get("architectures") or ()]
    for architecture in architectures:
        if architecture in names["seq2seq"].values():
            return "seq2seq"
        if architecture.endswith("ForConditionalGeneration"):
            break
        for kind, suffix in _SUFFIXES.items():
            if architecture.endswith(suffix) or architecture in names[kind].values():
                return kind
    model_type = located.settings.get("model_type")
    encoder = model_type in names["masked"] and not located.settings.get("is_encoder_decoder")
    if encoder and any(architecture in auto.MODEL_MAPPING_NAMES.values() for architecture in architectures):
        return "embedder"
    if not architectures and model_type in names["causal"] and model_type not in names["masked"]:
        return "causal"
    raise ModelError(_unknown_family(located.folder, architectures, model_type, encoder))


def _unknown_family(folder: Path, architectures: list[str], model_type: object, encoder: bool) -> str:
    found = ", ".join(architectures) or f"model_type {model_type}, no architectures"
    if encoder:
        advice = "say --kind masked, classifier, tagger or span if its weights hold that head, else --kind embedder"
    else:
        supported = ", ".join(f"...{suffix}" for suffix in _SUFFIXES.values())
        advice = f"supported are {supported}, encoder-decoders of text and bare encoders; say --kind if it is one"
    return f"{folder}/config.json: the family cannot be told from {found}; {advice}"


def load(located: Located, kind: str, config: Config) -> Checkpoint:
    """Load weights and tokenizer of a checked folder, and fingerprint them."""
    target = devices.choose_device(config.device)
    dtype = devices.choose_dtype(config.dtype, target)
    model = _load_model(located, kind, config, dtype)
    added, ways = {}, [located.quantisation]
    if located.adapter is not None:
        model, how = peft.put_on(model, located.adapter)
        added = {"peft": how, "peft_weights": located.adapter.sha256}
    model = model.to(target).eval()
    model.requires_grad_(False)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if config.quantise == "int8":
        ways.append(quantise(model, target))
    elif target.type == "cpu":
        from auditkit.models.speed.packed import pack

        pack(model)
    tokenizer = _load_tokenizer(located, kind, config)
    _check_vocabulary(located, model, tokenizer)
    begins = find_target(model, tokenizer, config) if kind == "seq2seq" else None
    chat = _chat_mode(located, kind, config, tokenizer)
    if config.bos == "always" and kind == "causal" and tokenizer.bos_token_id is None:
        raise ModelError(f"{located.folder}: bos: always, but the tokenizer has no BOS; use bos: auto")
    parts = {
        "adapter": kind,
        "weights": located.weights_sha256,
        "config": _settings_sha256(located, config),
        "tokenizer": tokenizer_sha256(located.tokenizer),
        "chat": "template" if chat else "plain",
        "chat_template": text_sha256(str(tokenizer.chat_template)) if tokenizer.chat_template else "none",
        # a template may print the date: two days then are two models
        "chat_rendered": text_sha256(render_chat(tokenizer, "x")) if chat else "none",
        "bos": boundary_rule(tokenizer, config.bos) if kind == "causal" else "tokenizer",
        "window": str(window(model, tokenizer)),
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": target.type,
        "attention": str(getattr(model.config, "_attn_implementation", "unknown")),
        "quantisation": "; ".join(way for way in ways if way != "none") or "none",
        "converted": located.converted_sha256,
        "revision": located.revision,
        "source": source_sha256(),
        **added,
        **(target_parts(model, tokenizer, begins) if begins else {}),
        **_reading(located, kind, model, tokenizer),
    }
    subject = Subject(
        name=config.model,
        kind=kind,
        fingerprint=digest(parts),
        parts=parts,
        parameters=parameters,
        dtype=parts["dtype"],
        device=str(target),
    )
    return Checkpoint(
        model, tokenizer, subject, config.batch_tokens, chat, config.bos, located.folder, begins, located.disk_bytes
    )


def _reading(located: Located, kind: str, model: Any, tokenizer: Any) -> dict[str, str]:
    """What a family's way of reading adds to the subject's parts."""
    from auditkit.models.encoders import span, tagger

    if kind == "tagger":
        return tagger.reading(model, tokenizer)
    if kind == "span":
        return span.reading(window(model, tokenizer), tokenizer)
    return {"pooling": read_pooling(located.folder).describe()} if kind == "embedder" else {}


def _settings_sha256(located: Located, config: Config) -> str:
    names = ["config.json", "generation_config.json"]
    paths = [located.folder / name for name in names if (located.folder / name).is_file()]
    if config.trust_remote_code:
        paths += sorted(located.folder.glob("*.py"))
    return files_sha256(paths)


def _load_model(located: Located, kind: str, config: Config, dtype: Any) -> Any:
    import transformers

    loader = getattr(transformers, _CLASSES[kind])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, report = loader.from_pretrained(
                str(located.folder), dtype=dtype, use_safetensors=True, local_files_only=True,
                trust_remote_code=config.trust_remote_code, output_loading_info=True,
                **(located.adapter.head if located.adapter else {}),
            )
    except Exception as error:  # each architecture raises its own
        raise ModelError(
            f"{located.folder}: transformers cannot load it as {kind} ({_first_line(error)}); "
            f"check --kind, or save the model again"
        ) from error
    body = f"{model.base_model_prefix}."
    absent = [key for key in report["missing_keys"] if not (located.adapter and located.adapter.brings(key))]
    missing = sorted(absent, key=lambda key: (key.startswith(body), key))
    missing += sorted(str(key) for key in report["mismatched_keys"])
    if kind == "embedder":  # what is read is the last layer, never what a pooler makes of it
        missing = [key for key in missing if not key.startswith("pooler.")]
    if missing:
        raise ModelError(
            f"{located.folder}: the {'head is' if _is_head(model, missing) else 'whole model is'} not in the weights "
            f"({len(missing)} tensors would be random, e.g. {missing[0]}); fine-tune and save it, or say another --kind"
        )
    return model


def _is_head(model: Any, missing: list[str]) -> bool:
    prefix = f"{model.base_model_prefix}."
    body = [key for key in missing if key.startswith(prefix) and ".pooler." not in key]
    return not body and model.base_model is not model


def _load_tokenizer(located: Located, kind: str, config: Config) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(located.tokenizer), local_files_only=True, trust_remote_code=config.trust_remote_code
        )
    except Exception as error:  # each tokenizer raises its own
        if "sentencepiece" in str(error).lower() and (reason := registry.missing("translation")):
            raise ModelError(f"{located.folder}: its tokenizer: {reason}") from error
        raise ModelError(
            f"{located.folder}: no tokenizer can be loaded ({_first_line(error)}); save it beside the weights "
            f"(`tokenizer.save_pretrained(DIR)`)"
        ) from error
    if kind != "seq2seq" and not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            f"{located.folder}: its tokenizer gives no character offsets ({type(tokenizer).__name__}); "
            f"save a fast one (tokenizer.json) beside the weights"
        )
    return tokenizer


def _check_vocabulary(located: Located, model: Any, tokenizer: Any) -> None:
    rows = int(model.get_input_embeddings().weight.shape[0])
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest < 0:
        raise ModelError(f"{located.folder}: its tokenizer is empty; save the model's tokenizer beside the weights")
    if highest >= rows:
        raise ModelError(
            f"{located.folder}: the tokenizer has ids up to {highest}, the model {rows} embeddings; "
            f"they do not belong together: save the model's own tokenizer beside it"
        )


def _chat_mode(located: Located, kind: str, config: Config, tokenizer: Any) -> bool:
    if kind != "causal" or config.chat == "never":
        return False
    if not tokenizer.chat_template:
        if config.chat == "always":
            raise ModelError(f"{located.folder}: chat: always, but the tokenizer has no chat template; use chat: auto")
        return False
    try:
        render_chat(tokenizer, "x")
    except Exception as error:  # jinja2's errors and whatever the template raises
        raise ModelError(
            f"{located.folder}: its chat template fails on one user turn ({_first_line(error)}); use chat: never"
        ) from error
    return True


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
