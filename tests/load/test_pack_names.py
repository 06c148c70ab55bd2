"""The built-in packs use names that are there, of what is measured without being on a card too."""

from __future__ import annotations

import pytest

from auditkit.load.pack_names import refuse_unknown_names


@pytest.mark.parametrize("name", ["ambiguous-qa", "claims", "sentiment-swaps", "stereotype-pairs"])
def test_the_names_in_a_built_in_pack_are_there(name: str) -> None:
    refuse_unknown_names(name)
