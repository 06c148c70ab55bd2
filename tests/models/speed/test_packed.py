"""Packed weights give what plain ones give, and never outlive a change of the plain ones."""

from __future__ import annotations

import copy
import platform
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from auditkit.models.speed import packed
from auditkit.models.speed.packed import PackedLinear, pack


@pytest.fixture(autouse=True)
def able() -> None:
    """These tests are of machines that can."""
    if not packed.works():
        pytest.skip("this processor or torch has no packed weights")


def layer(bias: bool = True, seed: int = 0) -> nn.Linear:
    """A layer just large enough, packed."""
    torch.manual_seed(seed)
    made = nn.Linear(256, 300, bias=bias)
    assert pack(nn.Sequential(made)) == 1
    return made


def plain(made: nn.Linear, rows: torch.Tensor) -> torch.Tensor:
    """The same product in float64."""
    bias = None if made.bias is None else made.bias.detach().double()
    return torch.nn.functional.linear(rows.double(), made.weight.detach().double(), bias)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 256), (7, 256), (1000, 256), (2, 3, 256), (0, 256), (256,)])
def test_products_are_those_of_the_plain_weight(shape: tuple[int, ...], bias: bool) -> None:
    made, rows = layer(bias), torch.randn(shape)
    with torch.inference_mode():
        found = made(rows)
    assert found.shape == (*shape[:-1], 300)
    torch.testing.assert_close(found.double(), plain(made, rows), rtol=1e-5, atol=1e-5)


def test_weights_are_packed_before_they_are_used() -> None:
    made = layer()
    assert isinstance(made, PackedLinear)
    held = made._packed
    assert held is not None
    with torch.inference_mode():
        made(torch.randn(2, 256))
    assert made._packed is held


def test_a_weight_that_does_not_tell_of_changes_is_left_plain() -> None:
    with torch.inference_mode():
        made = nn.Sequential(nn.Linear(256, 300))
    assert pack(made) == 0
    assert type(made[0]) is nn.Linear


def test_rows_need_not_be_contiguous() -> None:
    made, rows = layer(), torch.randn(256, 9).T
    with torch.inference_mode():
        torch.testing.assert_close(made(rows).double(), plain(made, rows), rtol=1e-5, atol=1e-5)


def test_a_changed_weight_is_packed_again() -> None:
    made, rows = layer(), torch.randn(4, 256)
    with torch.inference_mode():
        before = made(rows)
    with torch.no_grad():
        made.weight.mul_(2.0)
    with torch.inference_mode():
        changed = made(rows)
    torch.testing.assert_close(changed.double(), plain(made, rows), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(before, changed)
    made.weight = nn.Parameter(torch.rand(300, 256))
    with torch.inference_mode():
        torch.testing.assert_close(made(rows).double(), plain(made, rows), rtol=1e-5, atol=1e-5)


def test_gradients_flow_through_the_plain_weight() -> None:
    made, rows = layer(), torch.randn(4, 256, requires_grad=True)
    with torch.inference_mode():
        made(torch.randn(4, 256))
    made(rows).sum().backward()
    torch.testing.assert_close(rows.grad, made.weight.sum(0).expand(4, -1))


def test_a_copy_packs_its_own_weight() -> None:
    made, rows = layer(), torch.randn(4, 256)
    with torch.inference_mode():
        made(rows)
    other = copy.deepcopy(made)
    with torch.no_grad():
        other.weight.zero_()
    with torch.inference_mode():
        torch.testing.assert_close(other(rows), other.bias.expand(4, -1))


def test_what_cannot_be_packed_stays_as_it_is() -> None:
    small, half = nn.Linear(16, 16), nn.Linear(256, 300, dtype=torch.bfloat16)
    other = nn.modules.linear.NonDynamicallyQuantizableLinear(256, 300)
    model = nn.Sequential(small, half, other)
    assert pack(model) == 0
    assert [type(each) for each in model] == [nn.Linear, nn.Linear, type(other)]


def test_a_model_of_too_many_weights_keeps_the_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Linear(256, 300), nn.Linear(256, 300))
    monkeypatch.setattr(packed, "MOST_BYTES", 2 * 4 * 256 * 300 - 1)
    assert pack(model) == 0
    monkeypatch.setattr(packed, "MOST_BYTES", 2 * 4 * 256 * 300)
    assert pack(model) == 2


@pytest.mark.parametrize("fault", ["processor", "operator", "numbers"])
def test_a_machine_that_cannot_is_left_alone(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    def refuses(*_: object) -> torch.Tensor:
        raise NotImplementedError("no such operator")

    if fault == "processor":
        monkeypatch.setattr(platform, "machine", lambda: "arm64")
    elif fault == "operator":
        monkeypatch.setattr(packed, "_reordered", refuses)
    else:
        monkeypatch.setattr(packed, "_product", lambda rows, *_: torch.zeros(*rows.shape[:-1], 96))
    packed.works.cache_clear()
    try:
        made = nn.Linear(256, 300)
        assert pack(nn.Sequential(made)) == 0
        assert type(made) is nn.Linear
    finally:
        monkeypatch.undo()
        packed.works.cache_clear()
        assert packed.works()


def test_the_layers_of_an_opened_model_are_packed(
    monkeypatch: pytest.MonkeyPatch, folder: Callable[[str], Path]
) -> None:
    from auditkit.models.open import open_model
    from auditkit.schema import Config

    monkeypatch.setattr(packed, "LEAST", 1)
    adapter = open_model(Config(model=str(folder("llama")), device="cpu"))
    layers = [module for module in adapter.checkpoint.model.modules() if isinstance(module, nn.Linear)]
    assert layers
    assert all(type(module) is PackedLinear for module in layers)


def test_another_view_of_the_same_memory_is_another_weight() -> None:
    torch.manual_seed(0)
    made, rows = nn.Linear(300, 300, bias=False), torch.randn(4, 300)
    assert pack(nn.Sequential(made)) == 1
    made.weight = nn.Parameter(made.weight.detach().T)
    with torch.inference_mode():
        torch.testing.assert_close(made(rows).double(), plain(made, rows), rtol=1e-5, atol=1e-5)
