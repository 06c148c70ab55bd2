"""What is refused, flagged, counted and restored."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import auditkit.explain.attributions as module
from auditkit.errors import MeasurementError
from auditkit.explain.attributions import MissingExplanation, explain
from auditkit.explain.options import options_to_explain
from auditkit.schema import (
    Answer,
    Attribution,
    Choice,
    Explain,
    FreeText,
    Option,
    OptionScore,
    OptionScores,
    Output,
    Probabilities,
    Request,
    Sample,
    Source,
)

SUM = [lambda e: e.sum((1, 2)), lambda e: 2 * e.sum((1, 2)), lambda e: e.mean((1, 2))]


def run(tiny: Any, view: Any, settings: Explain | None = None, **changes: Any) -> Any:
    (result,) = explain(tiny.adapter([view]), [tiny.item(view, kind="compare", **changes)], settings or Explain())
    return result


def step(e: torch.Tensor) -> torch.Tensor:
    """Almost a jump, at a place that no halving hits."""
    return torch.sigmoid(1e5 * (e.sum((1, 2)) - e.new_tensor(0.7123)))


def test_a_jump_does_not_converge_and_says_so(tiny: Any) -> None:
    module_ = tiny.module().eval()
    with torch.no_grad():
        module_.table.weight[0] = 0.0
        module_.table.weight[1:4] = 0.5
    found = run(tiny, tiny.view(step, module=module_), Explain(max_steps=48, tolerance=1e-3))
    assert found.reliability == "not_converged"
    assert found.steps == 48
    assert found.score - found.baseline_score == pytest.approx(1.0)
    assert found.convergence_delta == pytest.approx(abs(sum(found.token_scores) - 1.0), abs=1e-6)
    assert found.convergence_delta > 1e-3 * sum(map(abs, found.token_scores))
    assert found.agreement is None


def test_a_constant_is_complete_and_has_no_relative_error(tiny: Any) -> None:
    found = run(tiny, tiny.view(lambda e: 0 * e.sum((1, 2)) + 2.0))
    assert (found.reliability, found.relative_delta, found.special_share) == ("valid", None, None)
    assert found.token_scores == (0.0, 0.0, 0.0)


def test_a_gradient_that_is_no_number_leaves_no_scores(tiny: Any) -> None:
    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, e: torch.Tensor) -> torch.Tensor:
            ctx.shape = e.shape
            return e.sum((1, 2))

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
            return torch.full(ctx.shape, float("nan"))

    view = tiny.view(Broken.apply)
    found = run(tiny, view)
    assert found.reliability == "non_finite"
    assert (found.tokens, found.token_scores, found.special, found.words, found.word_scores) == ((), (), (), (), ())
    assert found.convergence_delta == pytest.approx(abs(found.score - found.baseline_score))
    assert (found.relative_delta, found.special_share, found.agreement) == (None, None, None)


def test_scores_that_are_no_numbers_are_reasons(tiny: Any) -> None:
    view = tiny.view(lambda e: torch.log(e.sum((1, 2)) * 0 - 1))
    item = replace(tiny.item(tiny.view(SUM[0]), kind="compare"))
    (found,) = explain(tiny.adapter([view]), [item], Explain())
    assert found == MissingExplanation("pack/1", "the explained score is not finite; use dtype: float32")
    module_ = tiny.module().eval()
    with torch.no_grad():
        module_.table.weight[0] = 0.0
        module_.table.weight[1:4] = 1.0
    found = run(tiny, tiny.view(lambda e: torch.log(e.sum((1, 2))), module=module_))
    assert found == MissingExplanation("pack/1", "the score at the baseline `pad` is not finite")


@pytest.mark.parametrize(("shift", "reliability"), [(2e-5, "valid"), (2e-3, "not_served")])
def test_the_explained_score_must_be_the_served_score(tiny: Any, shift: float, reliability: str) -> None:
    found = run(tiny, tiny.view(lambda e: 0.1 * e.sum((1, 2))), shift=shift)
    assert found.reliability == reliability
    assert found.served_difference == pytest.approx(shift, abs=1e-6)


def test_rules_that_normalise_are_served_normalised(tiny: Any) -> None:
    view = tiny.view(lambda e: e.sum((1, 2)) / 4)
    item = tiny.item(view, kind="compare")
    for rule, tokens, size in (("loglikelihood_per_token", 4, 9), ("loglikelihood_per_byte", 3, 4)):
        score = OptionScore(sum=4 * tiny.served(view), tokens=tokens, bytes=size)
        output = Output(request=item.request.sha256, rule=rule, answer=OptionScores(options=(score,)))
        (found,) = explain(tiny.adapter([view]), [replace(item, output=output)], Explain())
        assert found.reliability == "valid"
        assert found.target == f"log-likelihood per {rule.partition('_per_')[2]} of text 1"


def test_budget_counts_rows_in_both_directions_and_ends(tiny: Any) -> None:
    view = tiny.view(SUM[0])
    items = [tiny.item(view, kind="compare", sample=f"pack/{i}") for i in range(4)]
    # two equal forwards; for each of two baselines F at its start and middle and 16 gradients, forward and backward
    each = 2 + 2 * (2 + 2 * 16)
    whole = list(explain(tiny.adapter([view]), items, Explain(budget=4 * each)))
    assert [found.passes for found in whole] == [each] * 4
    adapter = tiny.adapter([view])
    cut = list(explain(adapter, items, Explain(budget=3 * each - 1)))
    assert cut[:2] == whole[:2]
    reason = f"explanation budget of {3 * each - 1} passes used up"
    assert cut[2:] == [MissingExplanation("pack/2", reason), MissingExplanation("pack/3", reason)]


def test_budget_of_a_contrast_counts_both_options(tiny: Any) -> None:
    module_ = tiny.module().eval()
    pair = [tiny.view(SUM[0], module=module_), tiny.view(SUM[1], module=module_)]
    (found,) = explain(tiny.adapter(pair), [tiny.item(*pair)], Explain())
    assert found.passes == 2 * (2 + 2 * (2 + 2 * 16))


def test_a_resumed_run_ends_its_budget_where_the_undisturbed_one_did(tiny: Any) -> None:
    view = tiny.view(SUM[0])
    items = [tiny.item(view, kind="compare", sample=f"pack/{i}") for i in range(5)]
    settings = Explain(budget=3 * 70 + 10)
    whole = list(explain(tiny.adapter([view]), items, settings))
    assert [isinstance(found, Attribution) for found in whole] == [True, True, True, False, False]
    adapter = tiny.adapter([view])
    rest = list(explain(adapter, items, settings, done=whole[:2]))
    assert rest == whole[2:]
    assert len(adapter.asked) == 2, "the finished two are not asked for again, nor those after the budget's end"


def test_one_failure_leaves_the_others_alone(tiny: Any) -> None:
    view = tiny.view(SUM[0])
    good = tiny.item(view, kind="compare", sample="pack/good")
    bad = replace(tiny.item(view, view, kind="compare", sample="pack/bad"), option=1)
    adapter = tiny.adapter([view, RuntimeError("CUDA out of memory\nlong story")])
    found = list(explain(adapter, [bad, good], Explain()))
    assert found[0] == MissingExplanation("pack/bad", "RuntimeError while it was explained: CUDA out of memory")
    assert found[1].reliability == "valid"
    adapter = tiny.adapter([view, MeasurementError("masked models are not explained yet")])
    found = list(explain(adapter, [bad, good], Explain()))
    assert found[0] == MissingExplanation("pack/bad", "masked models are not explained yet")


def test_adapters_without_view_are_named(tiny: Any) -> None:
    view = tiny.view(SUM[0])

    class NoView:
        subject = tiny.adapter([]).subject

    (found,) = explain(NoView(), [tiny.item(view, kind="compare")], Explain())
    assert found.reason == "the causal model tiny offers no view of its embeddings, so it has no gradients"


def test_parameters_ask_for_gradients_again_afterwards(tiny: Any) -> None:
    module_ = tiny.module().eval()
    extra = torch.nn.Parameter(torch.ones(3))
    module_.extra = extra
    module_.fixed = torch.nn.Parameter(torch.ones(3), requires_grad=False)
    seen = []

    def score(e: torch.Tensor) -> torch.Tensor:
        seen.append(extra.requires_grad)
        return (e * module_.extra).sum((1, 2))

    view = tiny.view(score, module=module_)
    item = tiny.item(view, kind="compare")
    seen.clear()
    assert next(iter(explain(tiny.adapter([view]), [item], Explain()))).reliability == "valid"
    assert set(seen) == {False}
    assert (extra.requires_grad, module_.fixed.requires_grad, extra.grad) == (True, False, None)

    def fail(e: torch.Tensor) -> torch.Tensor:
        raise ValueError("broken")

    view.function = fail
    assert isinstance(next(iter(explain(tiny.adapter([view]), [item], Explain()))), MissingExplanation)
    assert extra.requires_grad


def test_training_mode_and_chance_are_refused(tiny: Any) -> None:
    assert "training mode" in run(tiny, tiny.view(SUM[0], module=tiny.module().train())).reason
    noise = iter(range(100))
    assert "two equal forwards differ" in run(tiny, tiny.view(lambda e: e.sum((1, 2)) + next(noise))).reason


def test_explaining_inside_inference_mode_has_gradients(tiny: Any) -> None:
    view = tiny.view(SUM[0])
    with torch.inference_mode():
        found = run(tiny, view)
    assert isinstance(found, Attribution)
    assert max(map(abs, found.token_scores)) > 0


def test_special_tokens_stay_in_the_baseline_and_are_shown_without_a_word(tiny: Any) -> None:
    view = tiny.view(
        lambda e: e[:, 0, 0] * e[:, 1:].sum((1, 2)), special=[True, False, False], text="w2 w3",
        offsets=[(0, 0), (0, 2), (3, 5)],
    )
    found = run(tiny, view)
    table = view.module.table.weight.detach()
    # the special token keeps its embedding on the whole way: F is linear in the others
    expected = [float(table[1, 0] * (table[token] - table[0]).sum()) for token in (2, 3)]
    assert found.tokens == ("w1", "w2", "w3")
    assert found.special == (True, False, False)
    assert found.token_scores == pytest.approx([0.0, *expected], abs=1e-5)
    assert found.words == ("w2", "w3")
    assert found.word_scores == pytest.approx(expected, abs=1e-5)
    assert found.special_share == 0.0
    alone = tiny.view(SUM[0], special=[True] * 3)
    assert "no token is on the embedding path" in run(tiny, alone).reason


def test_events_count_items(tiny: Any) -> None:
    view, events = tiny.view(SUM[0]), []
    items = [tiny.item(view, kind="compare", sample=f"pack/{i}") for i in range(2)]
    list(explain(tiny.adapter([view]), items, Explain(), on_event=events.append))
    assert [(event.stage, event.done, event.total) for event in events] == [
        ("explain", 0, 2), ("explain", 1, 2), ("explain", 2, 2),
    ]


def sample_of(*choices: tuple[str, str], name: str = "pack/1") -> Sample:
    made = tuple(Choice(text=text, label=label) for text, label in choices)
    return Sample(id=name, benchmark="pack", choices=made, origin="o", source=Source(file="rows.jsonl", line=1))


def ask(kind: str, rule: str, count: int, answer: Answer | None = None, error: str | None = None) -> Any:
    request = Request(kind=kind, rule=rule, text="?", options=tuple(Option(text=f"o{i}") for i in range(count)))
    return request, Output(request=request.sha256, rule=rule, answer=answer, error=error)


def scores(*sums: float, tokens: tuple[int, ...] = ()) -> OptionScores:
    counts = tokens or (1,) * len(sums)
    options = (OptionScore(sum=value, tokens=n, bytes=n) for value, n in zip(sums, counts, strict=True))
    return OptionScores(options=tuple(options))


def pick(sample: Sample, request: Request, output: Output) -> list[tuple[int, int | None]]:
    items = options_to_explain([sample], {sample.id: request}, {sample.id: output})
    assert {item.sample_id for item in items} == {sample.id}
    return [(item.option, item.against) for item in items]


def test_choose_contrasts_the_chosen_with_the_runner_up_by_the_rule() -> None:
    sample = sample_of(("a", "true"), ("b", "false"), ("c", "other"))
    request, output = ask("choose", "loglikelihood", 3, scores(-5, -4, -9, tokens=(2, 1, 9)))
    assert pick(sample, request, output) == [(1, 0)]
    request, output = ask("choose", "loglikelihood_per_token", 3, scores(-5, -4, -9, tokens=(2, 1, 9)))
    assert pick(sample, request, output) == [(2, 0)]


def test_choose_contrasts_with_another_label() -> None:
    sample = sample_of(("a", "true"), ("b", "true"), ("c", "false"))
    request, output = ask("choose", "loglikelihood", 3, scores(-1, -2, -3))
    assert pick(sample, request, output) == [(0, 2)]


def test_choose_explains_the_stereotype_rather_than_the_anti_stereotype() -> None:
    sample = sample_of(("u", "unknown"), ("a", "anti"), ("s", "stereotype"))
    request, output = ask("choose", "loglikelihood", 3, scores(-1, -2, -3))
    assert pick(sample, request, output) == [(2, 1)]


def test_compare_explains_both_sides_of_the_pair() -> None:
    sample = sample_of(("s", "stereotype"), ("a", "anti"))
    request, output = ask("compare", "loglikelihood", 2, scores(-2, -1))
    assert pick(sample, request, output) == [(0, None), (1, None)]


def test_classes_go_by_name_not_by_the_order_of_keys(tiny: Any) -> None:
    # as the journal gives it back: keys sorted; the sample's labels have another order, its texts other words
    classes = {"neg": 0.2, "neutral": 0.1, "pos": 0.7}
    request, output = ask("classify", "probabilities", 0, Probabilities(classes=classes))
    sample = sample_of(("good", "pos"), ("bad", "neg"), ("so so", "neutral"))
    assert pick(sample, request, output) == [(0, 1)]
    (item,) = options_to_explain([sample], {sample.id: request}, {sample.id: output})
    module_ = tiny.module().eval()
    log = torch.tensor([0.7, 0.2, 0.1]).log()
    views = [
        tiny.view(lambda e, c=c: e.sum((1, 2)) * 0 + log[c] + (c + 1) * (e - e.detach()).sum((1, 2)), module=module_)
        for c in range(3)
    ]
    adapter = tiny.adapter(views)
    (found,) = explain(adapter, [item], Explain(max_steps=16))
    named = [[option.text for option in request.options] for request, _ in adapter.asked]
    assert named == [["pos", "neg", "neutral"]] * 2
    assert found.served_difference < 1e-5
    assert found.request == request.sha256
    assert found.target == "log-probability of class 1 minus that of 2"
    assert pick(sample_of(), request, output) == [(2, 0)]


def test_answers_without_scores_become_reasons(tiny: Any) -> None:
    sample = sample_of(("a", "true"), ("b", "false"))
    reasons = []
    for request, output in (
        ask("generate", "text", 0, FreeText(text="well")), ask("choose", "letter", 2, FreeText(text="A")),
        ask("choose", "loglikelihood", 2, error="no memory"),
    ):
        items = options_to_explain([sample], {sample.id: request}, {sample.id: output})
        (found,) = explain(tiny.adapter([tiny.view(SUM[0])]), items, Explain())
        reasons.append(found.reason)
    assert reasons == [
        "a `generate` answer by the rule `text` holds no option score; only scores with gradients are explained",
        "a `choose` answer by the rule `letter` holds no option score; only scores with gradients are explained",
        "the model did not answer: no memory",
    ]
    assert options_to_explain([sample], {}, {}) == []


def test_importing_explain_loads_neither_torch_nor_captum() -> None:
    code = "import sys, auditkit.explain.attributions; print(sorted({'torch', 'captum', 'scipy'} & set(sys.modules)))"
    root = Path(module.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_captums_unescaped_pages_are_not_used() -> None:
    texts = [path.read_text(encoding="utf-8") for path in Path(module.__file__).parent.glob("*.py")]
    assert texts
    assert not any("visualize" in text or "visualization" in text for text in texts)
