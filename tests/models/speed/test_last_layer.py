"""The last encoder layer at the read positions only, against the model's own full forward."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from auditkit.models.open import open_model
from auditkit.models.speed import last_layer
from auditkit.models.speed.last_layer import LastLayerHead
from auditkit.schema import Config

FAMILIES = ["bert", "roberta", "distilbert", "electra"]


@pytest.fixture
def checkpoint(folder: Callable[[str], Path]) -> Callable[..., Any]:
    """A checkpoint of its own."""

    def get(name: str, attention: str = "sdpa") -> Any:
        made = open_model(Config(model=str(folder(name)), device="cpu", kind="masked")).checkpoint
        made.model.set_attn_implementation(attention)
        return made

    return get


def batch(padded: bool) -> dict[str, torch.Tensor]:
    ids = torch.tensor([[2, 30, 31, 4, 32, 3], [2, 40, 4, 41, 42, 3], [2, 4, 50, 51, 52, 3]])
    mask = torch.ones_like(ids)
    if padded:
        ids[1, 4:], mask[1, 4:] = 0, 0
    return {"input_ids": ids, "attention_mask": mask}


ROWS, COLUMNS = torch.tensor([0, 1, 2]), torch.tensor([3, 2, 1])


def inner_linear(layer: Any) -> Any:
    """The first matrix of the layer's feed-forward part."""
    return layer.ffn.lin1 if hasattr(layer, "ffn") else layer.intermediate.dense


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("name", FAMILIES)
def test_logits_are_the_models_own(name: str, attention: str, padded: bool, checkpoint: Any, reference: Any) -> None:
    head = LastLayerHead(checkpoint(name, attention))
    assert head.spares
    inputs = batch(padded)
    with torch.inference_mode():
        found = head.logits(ROWS, COLUMNS, **inputs)
        expected = reference(name)[0](**inputs).logits[ROWS, COLUMNS]
    assert torch.allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_last_layer_reads_one_position_a_row(name: str, checkpoint: Any) -> None:
    made = checkpoint(name)
    head, shapes = LastLayerHead(made), []
    layers = getattr(made.model.base_model, "encoder", getattr(made.model.base_model, "transformer", None)).layer
    for layer in layers:
        inner_linear(layer).register_forward_hook(lambda _m, _a, output: shapes.append(tuple(output.shape[:2])))
    with torch.inference_mode():
        head.logits(ROWS, COLUMNS, **batch(True))
    assert shapes == [(3, 6), (3, 1)]


def test_several_positions_of_a_row_are_read_too(checkpoint: Any, reference: Any) -> None:
    rows, columns = torch.tensor([0, 0, 2]), torch.tensor([1, 3, 5])
    with torch.inference_mode():
        found = LastLayerHead(checkpoint("bert")).logits(rows, columns, **batch(True))
        expected = reference("bert")[0](**batch(True)).logits[rows, columns]
    assert torch.allclose(found, expected, atol=1e-4)


def wrong(layer: Any, hidden: torch.Tensor, picked: torch.Tensor, mask: Any) -> torch.Tensor:
    return layer.feed_forward_chunk(picked)


def unmasked(layer: Any, hidden: torch.Tensor, picked: torch.Tensor, mask: Any) -> torch.Tensor:
    return last_layer._like_bert(layer, hidden, picked, None)


def broken(layer: Any, hidden: torch.Tensor, picked: torch.Tensor, mask: Any) -> torch.Tensor:
    raise AttributeError("this layer has other parts")


@pytest.mark.parametrize("way", [wrong, unmasked, broken])
def test_where_it_differs_the_whole_layer_runs(
    way: Any, checkpoint: Any, reference: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_layer, "_RUNS", dict.fromkeys(last_layer._RUNS, way))
    head = LastLayerHead(checkpoint("bert"))
    assert not head.spares
    with torch.inference_mode():
        found = head.logits(ROWS, COLUMNS, **batch(True))
        expected = reference("bert")[0](**batch(True)).logits[ROWS, COLUMNS]
    assert torch.allclose(found, expected, atol=1e-4)


def test_another_architecture_runs_whole(checkpoint: Any, reference: Any) -> None:
    head = LastLayerHead(checkpoint("albert"))
    assert not head.spares
    with torch.inference_mode():
        found = head.logits(ROWS, COLUMNS, **batch(True))
        expected = reference("albert")[0](**batch(True)).logits[ROWS, COLUMNS]
    assert torch.allclose(found, expected, atol=1e-4)


def test_nothing_is_left_behind_even_after_an_error(checkpoint: Any, reference: Any) -> None:
    made = checkpoint("bert")
    head = LastLayerHead(made)
    handle = made.model.cls.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(MemoryError), torch.inference_mode():
        head.logits(ROWS, COLUMNS, **batch(True))
    handle.remove()
    assert not [name for name, module in made.model.named_modules() if "forward" in vars(module)]
    with torch.inference_mode():
        assert torch.allclose(made.model(**batch(True)).logits, reference("bert")[0](**batch(True)).logits, atol=1e-4)


def test_a_forward_that_somebody_else_has_put_there_is_not_replaced(checkpoint: Any) -> None:
    made = checkpoint("bert")
    last = made.model.base_model.encoder.layer[-1]
    last.forward = own = last.forward
    assert not LastLayerHead(made).spares
    assert last.forward is own
