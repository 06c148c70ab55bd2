"""Lists that programs wrote into one cell as text."""

import pytest

from auditkit.load.tasks.list_cells import list_in


@pytest.mark.parametrize(("cell", "items"), [
    ("['red', 'green']", ["red", "green"]),
    ('["red", "it\'s"]', ["red", "it's"]),
    ("['it\\'s', \"so\"]", ["it's", "so"]),
    ("('red',)", ["red"]),
    ("[]", []),
])
def test_lists_of_texts_are_read(cell: str, items: list[str]) -> None:
    assert list_in(cell, numbers=False) == items


@pytest.mark.parametrize("cell", ["['red' 'green']", "['red'\n 'green']", "['red', nan]"])
def test_what_only_looks_like_a_list_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="write a JSON list"):
        list_in(cell, numbers=False)


def test_a_mapping_written_as_text_is_refused() -> None:
    with pytest.raises(ValueError, match="is a mapping"):
        list_in("{'text': ['Bern'], 'answer_start': [0]}", numbers=False)


@pytest.mark.parametrize("cell", ["[applause]", "[1, 2]", "(see 'below')", "red", "[ 1 , 2 ]", "", "('a' or 'b')"])
def test_other_texts_in_brackets_stay_texts(cell: str) -> None:
    assert list_in(cell, numbers=False) is None


def test_numbers_are_a_list_where_several_values_are_expected() -> None:
    assert list_in("[0, 3, 0]", numbers=True) == [0, 3, 0]
    assert list_in("[ 1 , 2 ]", numbers=True) is None
    with pytest.raises(ValueError, match="cannot be read"):
        list_in("[0 3 0]", numbers=True)
