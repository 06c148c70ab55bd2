"""A model small enough to know its attributions by heart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from auditkit.explain.options import ExplainedOption
from auditkit.schema import Option, OptionScore, OptionScores, Output, Request, Subject

Function = Callable[[torch.Tensor], torch.Tensor]


class Tiny(torch.nn.Module):
    """A word embedding of 6 tokens in 3 dimensions; token 0 and 5 are the baselines."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.table = torch.nn.Embedding(6, 3)
        with torch.no_grad():
            self.table.weight.copy_(torch.randn(6, 3, generator=generator))

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self.table


@dataclass
class FakeView:
    """Any function of the embeddings as one option's score."""

    module: Tiny
    numbers: Sequence[int]
    function: Function
    text: str
    offsets: Sequence[tuple[int, int]]
    tokens: Sequence[str]
    special: Sequence[bool]
    free: Sequence[bool]
    baselines: Mapping[str, int] = field(default_factory=lambda: {"pad": 0, "unk": 5})
    attention: str = "none"
    subject: Any = None

    @property
    def ids(self) -> torch.Tensor:
        return torch.tensor(self.numbers)

    @property
    def embeddings(self) -> torch.Tensor:
        return self.module.table(self.ids).detach()

    def score(self, embeddings: torch.Tensor) -> torch.Tensor:
        return self.function(embeddings)


class FakeAdapter:
    """Gives the view of each option; counts how many were asked for."""

    rules: Mapping[str, tuple[str, ...]] = {"choose": ("loglikelihood",)}
    cacheable = False

    def __init__(self, views: Sequence[FakeView | Exception]) -> None:
        self.views = views
        self.asked: list[tuple[Request, int]] = []

    @property
    def subject(self) -> Subject:
        return Subject(name="tiny", kind="causal", fingerprint="0" * 64, parts={})

    def encode(self, requests: Sequence[Request]) -> list[Any]:
        raise NotImplementedError

    def execute(self, batch: Sequence[Any]) -> Iterator[Output]:
        raise NotImplementedError

    def view(self, request: Request, option: int) -> Any:
        self.asked.append((request, option))
        view = self.views[option]
        if isinstance(view, Exception):
            raise view
        return view


def view_of(function: Function, numbers: Sequence[int] = (1, 2, 3), *, fixed: int = 0, **changes: Any) -> FakeView:
    """A view of words `w1 w2 …`, the last `fixed` positions being an option's."""
    names = [f"w{number}" for number in numbers]
    ends = [sum(len(name) + 1 for name in names[: at + 1]) - 1 for at in range(len(names))]
    standard: dict[str, Any] = {
        "module": changes.pop("module", None) or Tiny().eval(), "numbers": numbers, "function": function,
        "text": " ".join(names),
        "offsets": [(end - len(name), end) for name, end in zip(names, ends, strict=True)],
        "tokens": names, "special": [False] * len(names),
        "free": [at < len(names) - fixed for at in range(len(names))],
    }
    return FakeView(**{**standard, **changes})


def served(view: FakeView) -> float:
    return float(view.score(view.embeddings[None]).detach())


def item_of(*views: FakeView, kind: str = "choose", sample: str = "pack/1", shift: float = 0.0) -> ExplainedOption:
    """The first option against the second where there is one, served as the views score it."""
    request = Request(
        kind=kind, rule="loglikelihood", text="?", options=tuple(Option(text=f"o{i}") for i in range(len(views)))
    )
    options = tuple(OptionScore(sum=served(view) + shift, tokens=1, bytes=1) for view in views)
    output = Output(request=request.sha256, rule="loglikelihood", answer=OptionScores(options=options))
    return ExplainedOption(sample, request, 0, 1 if len(views) > 1 and kind != "compare" else None, output)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny() -> Any:
    """The builders above: tests do not import from a conftest."""
    return SimpleNamespace(
        module=Tiny, view=view_of, item=item_of, adapter=FakeAdapter, served=served,
    )
