"""From lists to tensors on a device: through pinned memory to CUDA, which is played here."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch

from auditkit.models.device import to_device
from auditkit.schema import Generation, Option, Request

CUDA = torch.device("cuda")


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What happens to tensors, in order; they stay on the CPU."""
    seen: list[tuple[Any, ...]] = []

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        seen.append(("pin", tensor.tolist()))
        return tensor

    def move(tensor: torch.Tensor, device: torch.device, non_blocking: bool = False) -> torch.Tensor:
        seen.append(("to", device.type, non_blocking))
        return tensor

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    monkeypatch.setattr(torch.Tensor, "to", move)
    return seen


@pytest.mark.parametrize("values", [[[1, 2], [3, 4]], ((1, 2), (3, 4)), np.array([[1, 2], [3, 4]])])
def test_what_goes_to_cuda_is_pinned_and_the_copy_is_not_waited_for(values: Any, moves: list[Any]) -> None:
    assert to_device(values, CUDA).tolist() == [[1, 2], [3, 4]]
    assert moves == [("pin", [[1, 2], [3, 4]]), ("to", "cuda", True)]


def test_nothing_is_pinned_on_a_cpu(moves: list[Any]) -> None:
    to_device([1, 2], torch.device("cpu"))
    assert moves == [("to", "cpu", False)]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [([1, 2], None, torch.int64), ([], torch.long, torch.int64), ([0.5], None, torch.float32),
     (np.array([True, False]), None, torch.bool), (np.array([1.5]), torch.float32, torch.float32),
     (torch.tensor([1, 0]), None, torch.int64)],
)
def test_values_and_number_formats_are_those_of_torch(values: Any, dtype: Any, expected: torch.dtype) -> None:
    made = to_device(values, torch.device("cpu"), dtype)
    assert made.dtype == expected
    assert made.tolist() == list(values)


REQUESTS = {
    "llama": [
        Request(kind="choose", rule="loglikelihood", text="Who is the engineer? " * 8, options=(
            Option(text=" Mary"), Option(text=" the old man"))),
        Request(kind="generate", rule="text", text="Who is", generation=Generation(max_tokens=3)),
    ],
    "bert": [Request(kind="compare", rule="pseudo_loglikelihood", options=(Option(text="The doctor was late."),))],
    "bert-pairs": [Request(kind="classify", rule="probabilities", text="good film", text_pair="bad film")],
    "bert-tagger": [Request(kind="tag", rule="tags", words=("the", "doctor"))],
    "bert-span": [Request(kind="extract", rule="span", text="Who is late?", text_pair="The doctor is late.")],
    "bert-embedder": [Request(kind="embed", rule="vector", text="good film")],
}


@pytest.mark.parametrize("name", REQUESTS)
def test_models_make_their_inputs_of_lists_by_it_alone(
    name: str, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that auditkit turns into a tensor on a device by another way would not be pinned."""
    adapter = opened(name)
    list(adapter.execute(adapter.encode(REQUESTS[name])))  # the model's own checks move a few numbers, once
    others, used = [], []

    def watch(function: str) -> None:
        plain = getattr(torch, function)

        def watched(*args: Any, **kwargs: Any) -> Any:
            caller = sys._getframe(1)
            if caller.f_globals["__name__"].startswith("auditkit.models"):
                used.append(caller.f_code.co_name)
                if "device" in kwargs or caller.f_code.co_name != "to_device":
                    others.append(f"{caller.f_code.co_filename}:{caller.f_lineno}")
            return plain(*args, **kwargs)

        monkeypatch.setattr(torch, function, watched)

    for function in ("tensor", "as_tensor", "from_numpy"):
        watch(function)
    list(adapter.execute(adapter.encode(REQUESTS[name])))
    assert "to_device" in used
    assert not others
