"""Free text from an encoder-decoder: one beam, one key/value cache, one generator a row.

The generation config's constraints on tokens are honoured. Its beams and sampling are not: a request says how it is
decoded. `decoding` puts both into words, for the subject.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from auditkit.models.adapter import Encoded
from auditkit.models.causal.generation import Row, choose, end_ids
from auditkit.models.device import out_of_memory, to_device
from auditkit.models.seq2seq.scoring import Ids, Reader, within
from auditkit.models.tokens.languages import Target
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import FreeText, Generation, Output, digest

if TYPE_CHECKING:
    import torch

HONOURED = (
    "repetition_penalty", "no_repeat_ngram_size", "bad_words_ids", "min_length", "forced_bos_token_id",
    "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens",
)
"""Keys of a generation config that limit which tokens may come."""
_OURS = frozenset({
    "bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "max_length", "max_new_tokens",
    "transformers_version", "use_cache", "output_attentions", "output_hidden_states", "output_scores",
    "output_logits", "return_dict_in_generate", "cache_implementation", "_from_model_config",
})
"""Keys that say nothing about which tokens come: ids, limits, bookkeeping."""


def decoding(model: Any) -> str:
    """How this model's texts are decoded, and what its generation config says that is not followed."""
    named = _named(model)
    kept = [f"{name} {named[name]}" for name in HONOURED if name in named]
    left = sorted(f"{name} {value}" for name, value in named.items() if name not in HONOURED)
    words = "greedy or sampled as asked, one beam"
    words += f"; from the generation config: {', '.join(kept)}" if kept else ""
    return words + (f"; not followed: {', '.join(left)}" if left else "")


def target_parts(model: Any, tokenizer: Any, target: Target) -> dict[str, str]:
    """What the fingerprint of an encoder-decoder says beside its files."""
    punctuation = "as it is"
    if hasattr(tokenizer, "punc_normalizer"):
        found = find_spec("sacremoses") is not None
        punctuation = f"normalised by sacremoses {version('sacremoses')}" if found else "as it is: no sacremoses"
    return {
        "decoder": f"starts with {list(target.before_nothing)}, given text with {list(target.before_text)}",
        "languages": f"{target.source_language} to {target.target_language}",
        "decoding": decoding(model),
        "compare": "text as target of an empty source",
        "punctuation": punctuation,
    }


def _named(model: Any) -> dict[str, Any]:
    """What the generation config sets to other than transformers' default."""
    config = getattr(model, "generation_config", None)
    found = config.to_diff_dict() if config is not None else {}
    return {name: value for name, value in found.items() if name not in _OURS and value not in (None, [], {})}


class Writer:
    """Writes targets token by token."""

    def __init__(self, checkpoint: Checkpoint, reader: Reader) -> None:
        """Bind model and reader, and read end tokens and generation settings."""
        self._checkpoint = checkpoint
        self._reader = reader
        self._ends = end_ids(checkpoint)
        self._named = _named(checkpoint.model)

    def generate(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Write one text a request, in order. Greedy at temperature 0, else sampled from the full distribution."""
        rows = [self._row(each) for each in batch]
        states = self._reader.states(_source(row) for row in rows)
        # rows of a group begin with equally many target ids: learned positions allow no padding before them
        ordered = sorted(rows, key=lambda row: (len(_target(row)), len(_source(row))))
        for beginning in {len(_target(row)): None for row in ordered}:
            alike = [row for row in ordered if len(_target(row)) == beginning]
            for group in within(alike, _size, self._checkpoint.batch_tokens):
                self._write(group, states)
        return iter([_output(row) for row in rows])

    def _row(self, encoded: Encoded) -> Row:
        settings = encoded.request.generation or Generation()
        if "forced_eos_token_id" in self._named:
            # the last token allowed is the end token: one less can be text
            settings = settings.model_copy(update={"max_tokens": settings.max_tokens - 1})
        row = Row(encoded, settings, random.Random(int(encoded.request.sha256, 16)))  # noqa: S311 (not for secrets)
        row.finish = None if settings.max_tokens > 0 else "length"
        return row

    def _write(self, rows: list[Row], states: Mapping[Ids, torch.Tensor]) -> None:
        """Write a group; halve it where memory does not suffice."""
        rows = [row for row in rows if row.settings.max_tokens > 0]
        try:
            self._decode(rows, states)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or len(rows) == 1:
                raise
            for row in rows:
                row.ids, row.text, row.finish = [], "", None
                row.chance.seed(int(row.encoded.request.sha256, 16))
            self._write(rows[: len(rows) // 2], states)
            self._write(rows[len(rows) // 2 :], states)

    def _decode(self, active: list[Row], states: Mapping[Ids, torch.Tensor]) -> None:
        import torch

        if not active:
            return
        device = self._checkpoint.device
        inputs = self._reader.inputs([states[_source(row)] for row in active])
        limits = self._limits(len(_target(active[0])))
        tokens, cache = self._reader.targets([_target(row) for row in active]), None
        while True:
            index = torch.arange(len(active), device=device)
            inputs |= {"decoder_input_ids": tokens, "past_key_values": cache}
            last = torch.full_like(index, tokens.shape[1] - 1)
            logits, cache = self._reader.logits(inputs, index, last, use_cache=True)
            so_far = to_device([[*_target(row), *row.ids] for row in active], device)
            scores = limits(so_far, logits.float())
            chosen = [choose(row, values) for row, values in zip(active, scores, strict=True)]
            for row, token in zip(active, chosen, strict=True):
                row.add(token, self._ends, self._checkpoint.tokenizer)
            alive = [at for at, row in enumerate(active) if row.finish is None]
            if not alive:
                return
            if len(alive) < len(active):
                keep = to_device(alive, device)
                cache.batch_select_indices(keep)
                inputs = self._reader.select(inputs, keep)
            active = [active[at] for at in alive]
            tokens = to_device([[chosen[at]] for at in alive], device)

    def _limits(self, beginning: int) -> Any:
        """The generation config's constraints as one function of ids (B, T) and scores (B, V), in transformers' order.

        Forced tokens at the beginning stand in the target already; the forced end is a limit of tokens.
        """
        from transformers import (
            LogitsProcessorList,
            MinLengthLogitsProcessor,
            NoBadWordsLogitsProcessor,
            NoRepeatNGramLogitsProcessor,
            RepetitionPenaltyLogitsProcessor,
            SuppressTokensAtBeginLogitsProcessor,
            SuppressTokensLogitsProcessor,
        )

        device, named = str(self._checkpoint.device), self._named
        ends = sorted(self._ends)
        made: dict[str, Any] = {
            "repetition_penalty": lambda value: RepetitionPenaltyLogitsProcessor(value),
            "no_repeat_ngram_size": lambda value: NoRepeatNGramLogitsProcessor(value),
            "bad_words_ids": lambda value: NoBadWordsLogitsProcessor(value, ends),
            "min_length": lambda value: MinLengthLogitsProcessor(value, ends, device=device),
            "suppress_tokens": lambda value: SuppressTokensLogitsProcessor(value, device=device),
            "begin_suppress_tokens": lambda value: SuppressTokensAtBeginLogitsProcessor(
                value, beginning, device=device
            ),
        }
        return LogitsProcessorList([make(named[name]) for name, make in made.items() if name in named])


def _source(row: Row) -> Ids:
    sequence = row.encoded.sequences[0]
    return sequence.ids[: sequence.source]


def _target(row: Row) -> Ids:
    sequence = row.encoded.sequences[0]
    return sequence.ids[sequence.source :]


def _size(row: Row) -> int:
    return len(row.encoded.sequences[0].ids) + row.settings.max_tokens


def _output(row: Row) -> Output:
    ids = row.encoded.sequences[0].ids
    return Output(
        request=row.encoded.request.sha256, rule=row.encoded.request.rule, answer=FreeText(text=row.text),
        input_sha256=digest([list(ids)]), truncated=row.encoded.truncated, finish_reason=row.finish,
        prompt_tokens=len(ids), completion_tokens=len(row.ids),
    )
