"""How far a round is: requests and tokens a second, time left, cache hits, and the same by pack."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from auditkit.schema import Output
from auditkit.schema.event import Event, OnEvent, PackProgress


@dataclass(slots=True)
class Progress:
    """Counts answers as they come, in time that does not grow with the round."""

    askers: Mapping[str, tuple[str, ...]]
    """sha256 of a request to the ids of the samples that asked it."""
    on_event: OnEvent
    total: int = 0
    done: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    """Pack to its requests."""
    ready: Counter[str] = field(default_factory=Counter)
    """Pack to its requests that are answered."""
    computed: int = 0
    """Requests answered by the model in this process."""
    tokens: int = 0
    begun: float | None = None
    """When the model was first asked; the time before does not count in its rate."""

    def expect(self, shas: Iterable[str]) -> None:
        """These requests make up the round."""
        for sha in shas:
            self.total += 1
            self.totals.update(self._packs(sha))

    def add_answered(self, shas: Iterable[str], *, back: bool = False) -> None:
        """These are answered; `back`: not any more."""
        step = -1 if back else 1
        for sha in shas:
            self.done += step
            for pack in self._packs(sha):
                self.ready[pack] += step

    def start(self) -> None:
        """The model is asked from now on."""
        self.begun = time.perf_counter()

    def add_computed(self, outputs: Iterable[Output]) -> None:
        """The model gave these answers."""
        for output in outputs:
            self.computed += 1
            self.tokens += output.prompt_tokens + output.completion_tokens

    def report(self, hits: int) -> None:
        """Say how far the round is.

        Args:
            hits: answers that came from the cache.
        """
        message, left = [f"{self.done} of {self.total} requests answered"], None
        if self.computed and self.begun is not None:
            seconds = max(time.perf_counter() - self.begun, 1e-6)
            message += [f"{self.computed / seconds:.1f} requests/s", f"{self.tokens / seconds:.0f} tokens/s"]
            left = (self.total - self.done) * seconds / self.computed
        if hits:
            message.append(f"{hits} from the cache")
        parts = tuple(PackProgress(name, self.ready[name], total) for name, total in sorted(self.totals.items()))
        self.on_event(Event("run", ", ".join(message), self.done, self.total, left, parts))

    def _packs(self, sha: str) -> set[str]:
        return {sample.partition("/")[0] for sample in self.askers.get(sha, ())}
