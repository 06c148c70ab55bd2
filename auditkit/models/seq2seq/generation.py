"""Free text from an encoder-decoder: one beam, one key/value cache, one generator a row.

The generation config's constraints on tokens are honoured. Its beams and sampling are not: a request says how it is
decoded. `decoding` puts both into words, for the subject.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from auditkit.models.adapter import Encoded
from auditkit.models.device import out_of_memory, to_device
from auditkit.models.seq2seq.halves import Halves
from auditkit.models.tokens.batches import Ids, group_in_order
from auditkit.models.tokens.drafts import Draft, choose, end_ids, written_output
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Generation, Output

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
    settings = _settings(model)
    followed = [f"{name} {settings[name]}" for name in HONOURED if name in settings]
    ignored = sorted(f"{name} {value}" for name, value in settings.items() if name not in HONOURED)
    words = "greedy or sampled as asked, one beam"
    words += f"; from the generation config: {', '.join(followed)}" if followed else ""
    return words + (f"; not followed: {', '.join(ignored)}" if ignored else "")


def _settings(model: Any) -> dict[str, Any]:
    """What the generation config sets to other than transformers' default."""
    config = getattr(model, "generation_config", None)
    changed = config.to_diff_dict() if config is not None else {}
    return {name: value for name, value in changed.items() if name not in _OURS and value not in (None, [], {})}


class Writer:
    """Writes targets token by token."""

    def __init__(self, checkpoint: Checkpoint, halves: Halves) -> None:
        """Bind the model, and read end tokens and generation settings."""
        self._checkpoint = checkpoint
        self._halves = halves
        self._ends = end_ids(checkpoint)
        self._settings = _settings(checkpoint.model)

    def generate(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Write one text a request, in order. Greedy at temperature 0, else sampled from the full distribution."""
        rows = [self._draft(encoded) for encoded in batch]
        states = self._halves.states(_source(row) for row in rows)
        # rows of a group begin with equally many target ids: learned positions allow no padding before them
        ordered = sorted(rows, key=lambda row: (len(_target(row)), len(_source(row))))
        for beginning in {len(_target(row)): None for row in ordered}:
            alike = [row for row in ordered if len(_target(row)) == beginning]
            for group in group_in_order(alike, _size, self._checkpoint.batch_tokens):
                self._write(group, states)
        return iter([written_output(row) for row in rows])

    def _draft(self, encoded: Encoded) -> Draft:
        settings = encoded.request.generation or Generation()
        if "forced_eos_token_id" in self._settings:
            # the last token allowed is the end token: one less can be text
            settings = settings.model_copy(update={"max_tokens": settings.max_tokens - 1})
        draft = Draft.of(encoded, settings)
        draft.finish = None if settings.max_tokens > 0 else "length"
        return draft

    def _write(self, rows: list[Draft], states: Mapping[Ids, torch.Tensor]) -> None:
        """Write a group; halve it where memory does not suffice."""
        rows = [row for row in rows if row.settings.max_tokens > 0]
        try:
            self._decode(rows, states)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or len(rows) == 1:
                raise
            rows = [row.restart() for row in rows]
            self._write(rows[: len(rows) // 2], states)
            self._write(rows[len(rows) // 2 :], states)

    def _decode(self, active: list[Draft], states: Mapping[Ids, torch.Tensor]) -> None:
        import torch

        if not active:
            return
        device = self._checkpoint.device
        inputs = self._halves.inputs([states[_source(row)] for row in active])
        limits = self._limits(len(_target(active[0])))
        tokens, cache = self._halves.targets([_target(row) for row in active]), None
        while True:
            index = torch.arange(len(active), device=device)
            inputs |= {"decoder_input_ids": tokens, "past_key_values": cache}
            last = torch.full_like(index, tokens.shape[1] - 1)
            logits, cache = self._halves.logits(inputs, index, last, use_cache=True)
            so_far = to_device([[*_target(row), *row.ids] for row in active], device)
            scores = limits(so_far, logits.float())
            chosen = [choose(row, values) for row, values in zip(active, scores, strict=True)]
            for row, token in zip(active, chosen, strict=True):
                row.add(token, self._ends, self._checkpoint.tokenizer)
            alive = [index for index, row in enumerate(active) if row.finish is None]
            if not alive:
                return
            if len(alive) < len(active):
                keep = to_device(alive, device)
                cache.batch_select_indices(keep)
                inputs = self._halves.select(inputs, keep)
            active = [active[index] for index in alive]
            tokens = to_device([[chosen[index]] for index in alive], device)

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

        device, settings = str(self._checkpoint.device), self._settings
        ends = sorted(self._ends)
        processors: dict[str, Any] = {
            "repetition_penalty": lambda value: RepetitionPenaltyLogitsProcessor(value),
            "no_repeat_ngram_size": lambda value: NoRepeatNGramLogitsProcessor(value),
            "bad_words_ids": lambda value: NoBadWordsLogitsProcessor(value, ends),
            "min_length": lambda value: MinLengthLogitsProcessor(value, ends, device=device),
            "suppress_tokens": lambda value: SuppressTokensLogitsProcessor(value, device=device),
            "begin_suppress_tokens": lambda value: SuppressTokensAtBeginLogitsProcessor(
                value, beginning, device=device
            ),
        }
        return LogitsProcessorList([make(settings[name]) for name, make in processors.items() if name in settings])


def _source(row: Draft) -> Ids:
    sequence = row.encoded.sequences[0]
    return sequence.ids[: sequence.source]


def _target(row: Draft) -> Ids:
    sequence = row.encoded.sequences[0]
    return sequence.ids[sequence.source :]


def _size(row: Draft) -> int:
    return len(row.encoded.sequences[0].ids) + row.settings.max_tokens
