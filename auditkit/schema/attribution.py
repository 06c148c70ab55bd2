"""Which parts of an input moved a score."""

from __future__ import annotations

from typing import Literal

from auditkit.schema.base import Record


class Attribution(Record):
    """One attribution of one option of one request."""

    sample_id: str
    """The explained sample."""
    request: str
    """sha256 of the request."""
    option: int
    """Index of the explained option."""
    against: int | None = None
    """Index of the option it is contrasted with; `None` explains the option's own score."""
    method: str
    """e.g. `integrated_gradients`."""
    target: str
    """The explained scalar, in words."""
    tokens: tuple[str, ...]
    """Input tokens on the embedding path; like the words and scores, none where a gradient was not finite."""
    token_scores: tuple[float, ...]
    """Signed attribution of each token, in the target's unit (nats)."""
    special: tuple[bool, ...]
    """True for special and template tokens: shown greyed."""
    words: tuple[str, ...]
    """Words: text between spaces, joined from tokens by offset."""
    word_scores: tuple[float, ...]
    """Sum of the token scores of each word."""
    baseline: str
    """Name of the first baseline."""
    second_baseline: str | None = None
    """Name of the second baseline; `None` where the tokenizer offers one only."""
    agreement: float | None = None
    """Spearman correlation of the word scores under both baselines, -1 to 1."""
    score: float
    """F(x): the explained scalar at the input."""
    baseline_score: float
    """F(b): the same at the baseline."""
    served_difference: float
    """|explained - served score|, in nats; must be below the tolerance."""
    convergence_delta: float
    """|sum of attributions - (F(x) - F(b))|, in nats."""
    relative_delta: float | None
    """The delta relative to the sum of absolute attributions; `None` where that sum is 0."""
    steps: int
    """Gradient evaluations with the first baseline."""
    passes: int = 0
    """Forward and backward passes that all of it took: what the budget counts."""
    dtype: str
    """Number format of the arithmetic, e.g. `float32`."""
    attention: str
    """Attention implementation."""
    special_share: float | None
    """Share of the absolute mass on special tokens; 0 where the baseline keeps them."""
    reliability: Literal["valid", "not_converged", "not_served", "non_finite"]
    """Only `valid` attributions are cited as evidence."""
