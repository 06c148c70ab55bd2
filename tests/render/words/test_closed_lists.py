"""Every value of a closed list of the records has its words."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from auditkit.render.view.masthead import TALLY
from auditkit.render.view.methods import SPREADS
from auditkit.render.view.names import REASONS
from auditkit.render.words.catalogue import words
from auditkit.schema import (
    Attribution,
    Cause,
    Config,
    Contrast,
    Direction,
    Efficiency,
    Estimate,
    Quantity,
    Reason,
    SelfTestReading,
    Severity,
    Spread,
    Status,
    TrainingTask,
    Verdict,
)


def values(record: type[Any], field: str) -> tuple[Any, ...]:
    """The values of a field that is a closed list, or a tuple or an optional one of them."""
    pending, found = [record.model_fields[field].annotation], []
    while pending:
        part = pending.pop()
        arguments = get_args(part)
        found += [argument for argument in arguments if isinstance(argument, (str, int))]
        pending += [argument for argument in arguments if get_args(argument)]
    assert found, f"{record.__name__}.{field} is not a closed list"
    return tuple(found)


LISTS: dict[str, tuple[Any, ...]] = {
    "terms.status.{}": get_args(Status),
    "verdict.tally.{}.one": get_args(Status),
    "verdict.tally.{}.other": get_args(Status),
    "summary.mark.{}": get_args(Status),
    "terms.severity.{}": get_args(Severity),
    "terms.reason.{}": get_args(Reason),
    "terms.meaning.{}": get_args(Reason),
    "terms.contrast.{}": get_args(Contrast),
    "causes.{}": get_args(Cause),
    "summary.why.{}": get_args(Cause),
    "cases.quantity.{}": get_args(Quantity),
    "card.loss.{}": get_args(TrainingTask),
    "verdict.word.{}": values(Verdict, "status"),
    "verdict.exit.{}": values(Verdict, "exit_code"),
    "verdict.sentence.{}": values(Verdict, "status"),
    "attributions.reliability.{}": values(Attribution, "reliability"),
    "selftest.expect.{}": values(SelfTestReading, "expect"),
    "cost.latency.{}": values(Efficiency, "latency"),
    "robustness.legend.{}": values(Config, "robustness"),
    "methods.interval.{}": SPREADS,
    "methods.interval.{}.why": SPREADS,
}


@pytest.mark.parametrize("pattern", LISTS)
def test_each_value_has_its_words(pattern: str) -> None:
    assert LISTS[pattern]
    assert [value for value in LISTS[pattern] if pattern.format(value) not in words().sentences] == []


def test_lists_in_the_order_of_the_page_hold_every_value() -> None:
    kinds = {get_args(part.model_fields["kind"].annotation)[0] for part in get_args(get_args(Spread)[0])}
    assert set(SPREADS) == kinds
    assert set(REASONS) == set(get_args(Reason))
    assert set(TALLY) == set(get_args(Status))
    assert set(get_args(Direction)) == {"middle", "lower", "higher"}
    assert Estimate.model_fields["direction"].annotation == Direction
