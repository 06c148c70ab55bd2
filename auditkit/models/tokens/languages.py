"""How an encoder-decoder's target begins, and the language codes of translation models.

Codes are load options (`source_language`, `target_language`), not part of a request: each model has its own
(`deu_Latn`, `de`, `de_DE`, `>>deu<<`), so that no pack could name them, and a pack holds one direction. They are in the
subject's fingerprint. What they do follows the model cards: NLLB, M2M100 and mBART-50 force the target's code as first
token, mBART starts the decoder with it, multilingual Marian models read it before the source text.
"""

from __future__ import annotations

import re
from typing import Any

from auditkit.errors import ModelError
from auditkit.models.weights.checkpoint import TargetStart
from auditkit.schema import Config

_CODE = re.compile(r"[a-z]{2,3}_[A-Za-z]{2,4}")


def language_codes(tokenizer: Any) -> tuple[str, ...]:
    """Codes that a translation model's tokenizer knows, sorted; empty where it has none."""
    marian = getattr(tokenizer, "supported_language_codes", None)
    if marian is not None:
        return tuple(sorted(code.strip("<>") for code in marian))
    if not hasattr(tokenizer, "src_lang"):
        return ()
    for name in ("lang_code_to_token", "lang_code_to_id"):
        if table := getattr(tokenizer, name, None):
            return tuple(sorted(table))
    return tuple(sorted(token for token in tokenizer.all_special_tokens if _CODE.fullmatch(token)))


def find_target(model: Any, tokenizer: Any, config: Config) -> TargetStart:
    """How the targets of a model begin; a translation model's tokenizer is set to the languages.

    Args:
        model: a transformers `...ForConditionalGeneration`.
        tokenizer: its tokenizer; its source and target language are set.
        config: `source_language` and `target_language`; where they are missing, what was saved with the tokenizer, or
            the forced token of the generation config, says the language.

    Raises:
        ModelError: no decoder start; a language code that the model does not have, lacks, or needs.
    """
    start, forced = _id_of_config(model, "decoder_start_token_id"), _id_of_config(model, "forced_bos_token_id")
    start = start if start is not None else _id_of_config(model, "bos_token_id")
    codes = language_codes(tokenizer)
    if not codes:
        _refuse_codes(config)
    elif hasattr(tokenizer, "supported_language_codes"):
        return _marian(_required(start), forced, tokenizer, config, codes)
    else:
        return _multilingual(start, forced, model, tokenizer, config, codes)
    return TargetStart(_required(start), (forced,) if forced is not None else (), _before_text(tokenizer))


def _id_of_config(model: Any, name: str) -> int | None:
    """An id of the generation config, else of the model's config."""
    for config in (getattr(model, "generation_config", None), model.config):
        value = getattr(config, name, None)
        if isinstance(value, int):
            return value
    return None


def _required(start: int | None) -> int:
    if start is None:
        raise ModelError("config.json: decoder_start_token_id is missing, so that no target can begin; add it")
    return start


def _refuse_codes(config: Config) -> None:
    for name in ("source_language", "target_language"):
        if getattr(config, name) is not None:
            raise ModelError(f'{name}: "{getattr(config, name)}": this model has no language codes; leave it out')


def _known_code(name: str, code: str | None, codes: tuple[str, ...]) -> str:
    """A code that the model has.

    Args:
        name: the setting.
        code: its value.
        codes: all codes of the model.

    Raises:
        ModelError: the model does not have it, or there is none; lists all that the model has.
    """
    bare = code.strip("<>") if code is not None else None
    if bare in codes:
        return str(bare)
    fault = "is missing" if code is None else f'"{code}" is none of its codes'
    raise ModelError(f"{name}: {fault}; this model has {', '.join(codes)}: set {name} in audit.yaml or as --option")


def _marian(start: int, forced: int | None, tokenizer: Any, config: Config, codes: tuple[str, ...]) -> TargetStart:
    if config.source_language is not None:
        raise ModelError("source_language: this model has codes for its target only; leave source_language out")
    code = _known_code("target_language", config.target_language, codes)
    return TargetStart(
        start, (forced,) if forced is not None else (), target_language=code, before_source=f">>{code}<< "
    )


def _multilingual(
    start: int | None, forced: int | None, model: Any, tokenizer: Any, config: Config, codes: tuple[str, ...]
) -> TargetStart:
    saved = getattr(tokenizer, "init_kwargs", {})
    source = _known_code("source_language", config.source_language or saved.get("src_lang"), codes)
    ids = {_id(tokenizer, code): code for code in codes}
    configured = ids.get(forced if forced is not None else -1) or ids.get(start if start is not None else -1)
    target = _known_code("target_language", config.target_language or configured or saved.get("tgt_lang"), codes)
    tokenizer.src_lang = source
    tokenizer.tgt_lang = target
    code = _id(tokenizer, target)
    if model.config.model_type == "mbart" and code not in _before_text(tokenizer):
        # mBART-25 writes the code behind its targets; shifted right, the decoder starts with it
        return TargetStart(code, source_language=source, target_language=target)
    return TargetStart(_required(start), (code,), source_language=source, target_language=target)


def _id(tokenizer: Any, code: str) -> int:
    if hasattr(tokenizer, "get_lang_id"):
        return int(tokenizer.get_lang_id(code))
    return int(tokenizer.convert_tokens_to_ids(code))


def _before_text(tokenizer: Any) -> tuple[int, ...]:
    """Special tokens that the tokenizer puts before a target text (BART's `<s>`; T5 and Marian have none)."""
    complete = tokenizer(text_target="a").input_ids
    bare = tokenizer(text_target="a", add_special_tokens=False).input_ids
    return tuple(complete[: around(complete, bare)[0]])


def around(complete: list[int], bare: list[int]) -> tuple[int, int]:
    """How many special tokens stand before and after a text, from its ids with and without them."""
    for before in range(len(complete) - len(bare) + 1):
        if complete[before : before + len(bare)] == bare:
            return before, len(complete) - len(bare) - before
    return 0, 0
