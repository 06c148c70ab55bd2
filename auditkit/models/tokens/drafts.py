"""Free text that is being written token by token, by decoders and encoder-decoders alike."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from auditkit.models.adapter import Encoded
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import FreeText, Generation, Output, digest

if TYPE_CHECKING:
    import torch

NOT_FINITE = "the model gave logits that are not finite numbers; use dtype: float32"


@dataclass
class Draft:
    """One text being written."""

    encoded: Encoded
    settings: Generation
    chance: random.Random
    """Seeded by the request's hash, which holds the draw: sampling does not depend on batches."""
    ids: list[int] = field(default_factory=list)
    text: str = ""
    finish: str | None = None

    @property
    def prompt(self) -> tuple[int, ...]:
        """Ids of the prompt."""
        return self.encoded.sequences[0].ids

    @classmethod
    def of(cls, encoded: Encoded, settings: Generation | None = None) -> Draft:
        """An empty text.

        Args:
            encoded: a request for free text.
            settings: in place of the request's own.
        """
        seed = int(encoded.request.sha256, 16)
        settings = settings or encoded.request.generation or Generation()
        return cls(encoded, settings, random.Random(seed))  # noqa: S311 (not for secrets)

    def restart(self) -> Draft:
        """Forget what is written."""
        self.ids, self.text, self.finish = [], "", None
        self.chance.seed(int(self.encoded.request.sha256, 16))
        return self

    def add(self, token: int, ends: frozenset[int], tokenizer: Any) -> None:
        """Append a token, and finish at an end token, a stop string or the limit; the text is there then."""
        if token in ends:
            self.finish = "stop"
        else:
            self.ids.append(token)
            if self._stopped(tokenizer):
                return
            if len(self.ids) >= self.settings.max_tokens:
                self.finish = "length"
        if self.finish is not None:
            self.text = self._decoded(self.ids, tokenizer)

    def _stopped(self, tokenizer: Any) -> bool:
        """Cut the text before the first stop string, if there is one by now."""
        stops = [stop for stop in self.settings.stop if stop]
        if not stops:
            return False
        # a token stands for a byte or more: a stop string that ends in the newest one lies in these
        recent = self.ids[-max(len(stop.encode("utf-8", "replace")) for stop in stops) - 8 :]
        text = self._decoded(recent, tokenizer)
        if not any(stop in text for stop in stops):
            return False
        text = self._decoded(self.ids, tokenizer)
        places = [place for stop in stops if (place := text.find(stop)) >= 0]
        if places:
            self.text, self.finish = text[: min(places)], "stop"
        return bool(places)

    @staticmethod
    def _decoded(ids: Sequence[int], tokenizer: Any) -> str:
        return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def choose(draft: Draft, logits: torch.Tensor) -> int:
    """The next token from logits (V,): the greatest, or the inverse of the cumulated distribution at one uniform.

    Raises:
        RuntimeError: the logits hold no finite greatest value.
    """
    if not bool(logits.max().isfinite()):
        raise RuntimeError(NOT_FINITE)
    if draft.settings.temperature <= 0:
        return int(logits.argmax())
    weights = (logits.cpu().double() / draft.settings.temperature).softmax(-1).cumsum(-1)
    return int((weights < draft.chance.random() * float(weights[-1])).sum())


def end_ids(checkpoint: Checkpoint) -> frozenset[int]:
    """Ids that end a text: the generation config's, and the tokenizer's EOS."""
    configured = getattr(getattr(checkpoint.model, "generation_config", None), "eos_token_id", None)
    ids = list(configured) if isinstance(configured, (list, tuple)) else [configured]
    return frozenset(value for value in [*ids, checkpoint.tokenizer.eos_token_id] if isinstance(value, int))


def written_output(draft: Draft) -> Output:
    """The output to the draft's request."""
    ids = draft.encoded.sequences[0].ids
    return Output(
        request=draft.encoded.request.sha256,
        rule=draft.encoded.request.rule,
        answer=FreeText(text=draft.text),
        input_sha256=digest([list(ids)]),
        truncated=draft.encoded.truncated,
        finish_reason=draft.finish,
        prompt_tokens=len(ids),
        completion_tokens=len(draft.ids),
    )
