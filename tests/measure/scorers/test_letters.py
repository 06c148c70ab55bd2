"""Letters and option texts are read at the beginning of an answer, never as substrings (traps 2, 18, 22)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.measure.scorers.letters import read_option

PEOPLE = ["the old clerk", "the young clerk", "It cannot be determined"]
VERDICTS = ["true", "false"]


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("B", 1), ("b", 1), (" B\n", 1), ("B.", 1), ("B)", 1), ("(b)", 1), ("(B).", 1), ("**B**", 1), ('"C"', 2),
        ("Answer: C.", 2), ("Answer: C", 2), ("answer is B", 1), ("The answer is (A).", 0),
        ("The correct answer is: B", 1),
        ("The correct answer is A because", None), ("Option C.", 2), ("So, the answer is B.", 1), ("My answer: B", 1),
        ("A. the old clerk", 0), ("B) the young clerk did it", 1), ("(a) the old clerk", 0), ("A: the old clerk", 0),
        ("the young clerk", 1), ("The young clerk.", 1), ("THE OLD CLERK!", 0), ("Answer: the young clerk", 1),
        ("It cannot be determined.", 2), ("The answer is: it cannot be determined.", 2),
        ("B. A man was there.", 1), ("B\nA man was there.", 1), ("B. Answer: B", 1),
    ],
)
def test_an_anchored_answer_is_read(text: str, index: int | None) -> None:
    assert read_option(text, PEOPLE) == index


@pytest.mark.parametrize(
    "text",
    [
        "", " \n ", "A man came in.", "A clerk did it.", "a young clerk", "I think it was B", "Both", "ABC", "Bee",
        "B2", "A or B", "A and C",
        "A, B", "A/B", "(A) or (B)", "(A) (B)", "A. or B.", "B. No, C.", "B. It was A.", "B\nC",
        "Answer: A.\nAnswer: B.", "Answer: A. No wait, B.", "D", "(d)", "Z.", "-1", "1", "Answer:", "Answer: D.",
        "A. the young clerk", "B. it cannot be determined", "the old clerk or the young clerk",
        "the old clerk, not the young clerk", "the old clerks", "I know", "The text says that the old clerk",
        "Not A.", "None", "b-movie", "A's",
    ],
)
def test_anything_else_names_no_option(text: str) -> None:
    assert read_option(text, PEOPLE) is None


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("True.", 0), ("false", 1), ("False, because it is.", 1), ("true or false", None), ("True, or false?", None),
        ("untrue", None), ("not true", None), ("I know it is not so", None), ("truest", None), ("falsehood", None),
        ("It is true", None), ("The answer is false.", 1),
    ],
)
def test_verdicts_are_words_at_the_beginning(text: str, index: int | None) -> None:
    assert read_option(text, VERDICTS) == index


@pytest.mark.parametrize("text", ["know", "not", "nothing", "No one knows", "I don't know."])
def test_no_is_not_found_inside_other_words(text: str) -> None:
    assert read_option(text, ["yes", "no"]) is None


def test_options_that_begin_alike_are_told_apart() -> None:
    options = ["the man", "the man, who was old"]
    assert read_option("the man, who was old.", options) == 1
    assert read_option("the man.", options) == 0


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=5))
def test_no_text_gives_an_index_outside_the_options(text: str, options: list[str]) -> None:
    index = read_option(text, options)
    assert index is None or 0 <= index < len(options)


FRUIT = ["apple", "stone", "chair", "shoe"]


@pytest.mark.parametrize("text", [
    "The answer is **B**", "Answer: $B$", r"\boxed{B}", r"Hence $\boxed{\text{B}}$.", "B is correct.",
    "Option B is the right choice", "I would pick B", "The answer is B, not C.", "**stone**", "答案：Ｂ", "答案是B。",
    "정답은 B입니다.", "正解はBです。", "La respuesta correcta es B.", "Die Antwort lautet B.",
    "La bonne réponse est B",
    "Ответ: B", "B) a thing",
])
def test_marks_and_sentences_around_an_option(text: str) -> None:
    assert read_option(text, FRUIT) == 1


@pytest.mark.parametrize("text", [
    "A or B", "A, B", "Answer: a, b", "Answer: B or c", "B/C", "B is not correct", r"\boxed{A} or \boxed{B}",
    "**A** and **B**", "The answer is not B", "I think", "A chair, or shoe",
])
def test_two_options_or_none_are_none(text: str) -> None:
    assert read_option(text, FRUIT) is None


@pytest.mark.parametrize("options", [("25%", "50%"), ("$5", "$10"), ("+1", "-1"), ("C++", "C#")])
def test_two_options_are_none_whatever_signs_stand_beside_them(options: tuple[str, str]) -> None:
    assert read_option(f"{options[0]}, or {options[1]}", options) is None
    assert read_option(options[1], options) == 1
