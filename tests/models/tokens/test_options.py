"""What the scores of options make: an output, or an error where a value is not finite."""

from __future__ import annotations

import numpy as np

from auditkit.models.adapter import Encoded, TokenSequence
from auditkit.models.tokens.options import option_output
from auditkit.schema import Option, Request

REQUEST = Request(kind="choose", rule="loglikelihood", text="x", options=(Option(text=" y"), Option(text=" z")))
ENCODED = Encoded(REQUEST, (TokenSequence((1, 2), (1,)), TokenSequence((1, 3), (1,))), merged=(False, False))


def test_a_value_that_is_not_finite_is_an_error() -> None:
    output = option_output(ENCODED, [np.array([-1.0]), np.array([-np.inf])])
    assert output.answer is None
    assert "finite" in (output.error or "")
