"""Values: closed forms, an own quadrature, and Captum's layer operator on real architectures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from auditkit.explain.attributions import explain
from auditkit.schema import Attribution, Explain

W = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75], [-2.0, 1.0, 0.5]])


def only(found: Any) -> Attribution:
    results = list(found)
    assert len(results) == 1
    assert isinstance(results[0], Attribution), results[0]
    return results[0]


def ends(tiny: Any, view: Any, baseline: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    table = view.module.table.weight.detach()
    return view.embeddings, table[baseline].expand(len(view.numbers), -1)


def test_linear_function_has_the_attributions_w_times_x_minus_b(tiny: Any) -> None:
    view = tiny.view(lambda e: (e * W).sum((1, 2)) + 3.0)
    found = only(explain(tiny.adapter([view]), [tiny.item(view, kind="compare")], Explain()))
    x, b = ends(tiny, view)
    np.testing.assert_allclose(found.token_scores, (W * (x - b)).sum(-1), atol=1e-5)
    assert found.word_scores == pytest.approx(found.token_scores)
    assert found.baseline_score == pytest.approx(float((W * b).sum()) + 3.0, abs=1e-5)
    assert found.score == pytest.approx(float((W * x).sum()) + 3.0, abs=1e-5)
    assert found.convergence_delta == pytest.approx(0, abs=1e-5)
    assert (found.reliability, found.steps, found.against) == ("valid", 16, None)
    assert (found.baseline, found.second_baseline, found.dtype) == ("pad", "unk", "float32")


def test_quadratic_function_has_the_attributions_half_of_x_squared_minus_b_squared(tiny: Any) -> None:
    # F = sum e^2 / 2: the gradient is e, so a = (x - b)(x + b)/2
    view = tiny.view(lambda e: (e**2).sum((1, 2)) / 2)
    found = only(explain(tiny.adapter([view]), [tiny.item(view, kind="compare")], Explain()))
    x, b = ends(tiny, view)
    np.testing.assert_allclose(found.token_scores, ((x**2 - b**2) / 2).sum(-1), atol=1e-5)


def test_contrast_is_the_difference_on_the_shared_prompt_alone(tiny: Any) -> None:
    module = tiny.module().eval()
    first = tiny.view(lambda e: (e[:, :2] * W[:2]).sum((1, 2)) * e[:, 2, 0], (1, 2, 3), fixed=1, module=module)
    second = tiny.view(lambda e: (e[:, :2] * W[1:]).sum((1, 2)) + e[:, 2:].sum((1, 2)), (1, 2, 4, 4), fixed=2,
                       module=module)
    found = only(explain(tiny.adapter([first, second]), [tiny.item(first, second)], Explain()))
    x, b = ends(tiny, first)
    factor = float(x[2, 0])
    expected = ((W[:2] * factor - W[1:]) * (x - b)[:2]).sum(-1)
    np.testing.assert_allclose(found.token_scores, expected, atol=1e-5)
    assert found.tokens == ("w1", "w2")
    assert (found.option, found.against) == (0, 1)
    assert found.score == pytest.approx(tiny.served(first) - tiny.served(second), abs=1e-5)


def test_a_prompt_token_that_an_option_merged_with_stays_fixed(tiny: Any) -> None:
    module = tiny.module().eval()
    first = tiny.view(lambda e: (e * W).sum((1, 2)), (1, 2, 3), fixed=1, module=module)
    second = tiny.view(lambda e: e.sum((1, 2)), (1, 4, 3), fixed=1, module=module)
    found = only(explain(tiny.adapter([first, second]), [tiny.item(first, second)], Explain()))
    x, b = ends(tiny, first)
    assert found.tokens == ("w1",)
    np.testing.assert_allclose(found.token_scores, [float(((W[0] - 1) * (x - b)[0]).sum())], atol=1e-5)


def oracle(function: Any, x: torch.Tensor, b: torch.Tensor, panels: int = 200) -> np.ndarray:
    """Composite Gauss-Legendre in float64, five points a panel, with torch.autograd alone."""
    nodes, weights = np.polynomial.legendre.leggauss(5)
    total = torch.zeros_like(x, dtype=torch.float64)
    for panel in range(panels):
        for node, weight in zip(nodes, weights, strict=True):
            alpha = (panel + (node + 1) / 2) / panels
            point = (b + alpha * (x - b)).double().requires_grad_()
            (gradient,) = torch.autograd.grad(function(point[None]).sum(), point)
            total += gradient * weight / (2 * panels)
    return np.asarray(((x - b).double() * total).sum(-1))


def curved(e: torch.Tensor) -> torch.Tensor:
    """Interacts across positions, with a bend that 16 points do not follow."""
    mixed = torch.tanh(40 * (e[:, :1] * e[:, 1:2]).sum(-1))[:, 0]
    return mixed + torch.sin(2 * e).sum((1, 2)) * e[:, 2, 1]


def test_refined_attributions_equal_a_fine_quadrature(tiny: Any) -> None:
    view = tiny.view(curved)
    settings = Explain(tolerance=2e-6, max_steps=2000, budget=100_000)
    found = only(explain(tiny.adapter([view]), [tiny.item(view, kind="compare")], settings))
    x, b = ends(tiny, view)
    assert found.steps > 16
    assert found.reliability == "valid"
    np.testing.assert_allclose(found.token_scores, oracle(curved, x, b), atol=1e-4)
    assert sum(found.token_scores) == pytest.approx(found.score - found.baseline_score, abs=1e-4)


def test_both_baselines_are_integrated_and_their_ranks_compared(tiny: Any) -> None:
    view = tiny.view(lambda e: (e * W).sum((1, 2)))
    found = only(explain(tiny.adapter([view]), [tiny.item(view, kind="compare")], Explain()))
    x, b = ends(tiny, view, baseline=5)
    second = np.argsort(np.argsort(np.asarray((W * (x - b)).sum(-1))))
    first = np.argsort(np.argsort(found.token_scores))
    # three values without ties: 1 - 6 sum d^2 / (3 (9 - 1))
    assert found.agreement == pytest.approx(1 - ((first - second) ** 2).sum() / 4)


def test_one_baseline_gives_no_agreement(tiny: Any) -> None:
    view = tiny.view(lambda e: (e * W).sum((1, 2)), baselines={"pad": 0})
    found = only(explain(tiny.adapter([view]), [tiny.item(view, kind="compare")], Explain()))
    assert (found.second_baseline, found.agreement, found.reliability) == (None, None, "valid")


def _bert() -> Any:
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    return BertForSequenceClassification(BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, num_labels=3,
        initializer_range=0.3,
    )).eval()


def _llama() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        intermediate_size=32, max_position_embeddings=64, initializer_range=0.3, tie_word_embeddings=True,
    )).eval()


@pytest.mark.parametrize(("build", "pick"), [(_bert, "class"), (_llama, "token")])
def test_attributions_equal_captums_layer_operator(tiny: Any, build: Any, pick: str) -> None:
    from captum.attr import LayerIntegratedGradients

    model, ids = build(), [3, 7, 9, 4, 11]

    def read(logits: torch.Tensor) -> torch.Tensor:
        logits = logits if pick == "class" else logits[:, -1]
        return logits.log_softmax(-1)[:, 1] - logits.log_softmax(-1)[:, 2]

    view = tiny.view(
        lambda e: read(model(inputs_embeds=e, attention_mask=torch.ones(e.shape[:2])).logits), ids,
        module=model, baselines={"two": 2},
    )
    view.__class__ = type("ModelView", (type(view),), {
        "embeddings": property(lambda self: model.get_input_embeddings()(self.ids).detach()),
    })
    found = only(explain(tiny.adapter([view]), [tiny.item(view, kind="compare")], Explain(tolerance=1e-5)))
    operator = LayerIntegratedGradients(
        lambda rows: read(model(rows, attention_mask=torch.ones(rows.shape)).logits), model.get_input_embeddings()
    )
    expected = operator.attribute(
        torch.tensor([ids]), baselines=torch.full((1, len(ids)), 2), n_steps=200, method="gausslegendre",
        internal_batch_size=50,
    )
    assert np.abs(found.token_scores).max() > 1e-2
    np.testing.assert_allclose(found.token_scores, expected[0].sum(-1).detach(), atol=1e-4)


def test_rows_of_one_call_stay_within_the_token_budget(tiny: Any) -> None:
    seen: list[int] = []

    def watched(e: torch.Tensor) -> torch.Tensor:
        seen.append(e.shape[0] * e.shape[1])
        return e.sum((1, 2))

    view = tiny.view(watched, [1, 2, 3, 4] * 64)
    only(explain(tiny.adapter([view]), [tiny.item(view, kind="compare")], Explain()))
    assert 256 < max(seen) <= 1024
