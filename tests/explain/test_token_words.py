"""Words by character ranges."""

from __future__ import annotations

import numpy as np

from auditkit.explain.token_words import join_words


def words(
    text: str, pieces: list[tuple[int, int]], special: tuple[int, ...] = ()
) -> tuple[tuple[str, ...], list[float]]:
    """The words, and their scores where token t has the score 2^t."""
    tokens = [text[start:end] for start, end in pieces]
    joined = join_words(text, pieces, tokens, [index in special for index in range(len(pieces))])
    return joined.texts, joined.scores(np.array([2.0**index for index in range(len(pieces))])).tolist()


def test_tokens_of_one_word_are_summed() -> None:
    # "unhappily, she left" with the space in front of a token, as byte-level BPE gives it
    assert words("unhappily, she left", [(0, 2), (2, 7), (7, 9), (9, 10), (10, 14), (14, 19)]) == (
        ("unhappily,", "she", "left"), [1 + 2 + 4 + 8, 16, 32],
    )


def test_bytes_of_an_emoji_are_one_word() -> None:
    text = "so 👩‍🚀 good"
    assert words(text, [(0, 2), (2, 4), (3, 4), (4, 5), (5, 6), (5, 6), (6, 11)]) == (
        ("so", "👩‍🚀", "good"), [1, 2 + 4 + 8 + 16 + 32, 64],
    )


def test_a_token_over_two_words_makes_them_one() -> None:
    assert words("out of the way", [(0, 3), (3, 10), (10, 14)]) == (("out", "of the", "way"), [1, 2, 4])
    assert words("ab cd ef", [(0, 1), (1, 4), (4, 7), (7, 8)]) == (("ab cd ef",), [15])


def test_white_space_and_textless_tokens_are_words_of_their_own() -> None:
    assert words("a\n\nb", [(0, 1), (1, 3), (3, 4)]) == (("a", "⏎", "b"), [1, 2, 4])
    joined = join_words("a b", [(0, 1), (1, 2), (2, 2), (2, 3)], ["a", " ", "▁", "b"], [False] * 4)
    assert joined.texts == ("a", "␣", "▁", "b")


def test_special_tokens_neither_score_nor_show_in_a_word() -> None:
    text = "<s>Who?<e>"
    assert words(text, [(0, 3), (3, 6), (6, 7), (7, 10)], (0, 3)) == (("Who?",), [2 + 4])
