"""What is settled about an encoder-decoder before it reads: how its targets begin, its languages, its decoding."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from auditkit.models.seq2seq.generation import decoding
from auditkit.models.tokens.languages import find_target
from auditkit.models.weights.checkpoint import ReadingRules
from auditkit.schema import Config


def settle(model: Any, tokenizer: Any, folder: Path, config: Config) -> ReadingRules:
    """How targets begin; a translation model's tokenizer is set to its languages.

    Raises:
        ModelError: no decoder start; a language code that the model does not have, lacks, or needs.
    """
    target = find_target(model, tokenizer, config)
    parts = {
        "decoder": f"starts with {list(target.before_nothing)}, given text with {list(target.before_text)}",
        "languages": f"{target.source_language} to {target.target_language}",
        "decoding": decoding(model),
        "compare": "text as target of an empty source",
        "punctuation": _punctuation(tokenizer),
    }
    return ReadingRules(parts, target=target)


def _punctuation(tokenizer: Any) -> str:
    """What the tokenizer does with punctuation: M2M100's and Marian's normalise it where sacremoses is installed."""
    if not hasattr(tokenizer, "punc_normalizer"):
        return "as it is"
    if find_spec("sacremoses") is None:
        return "as it is: no sacremoses"
    return f"normalised by sacremoses {version('sacremoses')}"
