"""What is settled about a decoder before it reads: chat template, BOS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditkit.errors import ModelError
from auditkit.models.causal.chat import PROBE, render_chat
from auditkit.models.causal.tokens import boundary_rule
from auditkit.models.weights.checkpoint import ReadingRules
from auditkit.models.weights.fingerprint import text_sha256
from auditkit.schema import Config


def is_decoder(settings: Mapping[str, Any]) -> bool:
    """Whether a config.json without architectures is that of a decoder.

    Args:
        settings: config.json.
    """
    from transformers.models.auto import modeling_auto as tables

    if settings.get("architectures"):
        return False
    model_type = settings.get("model_type")
    return model_type in tables.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and (
        model_type not in tables.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    )


def settle(model: Any, tokenizer: Any, folder: Path, config: Config) -> ReadingRules:
    """Whether prompts go through the chat template, and which BOS rule holds.

    Raises:
        ModelError: a chat template or a BOS is demanded and there is none, or the template fails, or
            drops or changes what it is given.
    """
    chat = _chat_mode(tokenizer, folder, config)
    if config.bos == "always" and tokenizer.bos_token_id is None:
        raise ModelError(f"{folder}: bos: always, but the tokenizer has no BOS; use bos: auto")
    parts = {
        "chat": "template" if chat else "plain",
        # a template may print the date: two days then are two models
        "chat_rendered": text_sha256(render_chat(tokenizer, "x")) if chat else "none",
        "bos": boundary_rule(tokenizer, config.bos),
    }
    return ReadingRules(parts, chat=chat)


def _chat_mode(tokenizer: Any, folder: Path, config: Config) -> bool:
    if config.chat == "never":
        return False
    if not tokenizer.chat_template:
        if config.chat == "always":
            raise ModelError(f"{folder}: chat: always, but the tokenizer has no chat template; use chat: auto")
        return False
    try:
        render_chat(tokenizer, PROBE)
    except ModelError as error:
        raise ModelError(f"{folder}: {error}") from None
    return True
