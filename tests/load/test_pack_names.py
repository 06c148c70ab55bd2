"""The built-in packs use names that are there, of what is measured without being on a card too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from auditkit.errors import ConfigError
from auditkit.load.pack_names import refuse_unknown_names
from auditkit.load.packs import open_card


@pytest.mark.parametrize("name", ["ambiguous-qa", "claims", "sentiment-swaps", "stereotype-pairs"])
def test_the_names_in_a_built_in_pack_are_there(name: str) -> None:
    refuse_unknown_names(name)
    assert open_card(name).name == name


@pytest.mark.parametrize(("file", "name", "misspelt", "message"), [
    ("card.yaml", "metric: false_claim_endorsement", "metric: false_claim_endorsment", "metric is called"),
    ("checks.yaml", "rule: AK201", "rule: AK2O1", 'rule is called "AK2O1"'),
    ("checks.yaml", "metric: true_claim_refutation", "metric: true_claim_refusal", "metric of this card is called"),
    ("checks.yaml", "arm: false-claim", "arm: false-claims", "arm that this card measures is called"),
])
def test_a_misspelt_name_is_refused_where_it_stands(
    tmp_path: Path, file: str, name: str, misspelt: str, message: str
) -> None:
    pack = Path(shutil.copytree(Path(__file__).parents[2] / "benchmarks" / "claims", tmp_path / "claims"))
    text = (pack / file).read_text(encoding="utf-8")
    (pack / file).write_text(text.replace(name, misspelt, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as error:
        refuse_unknown_names(pack)
    line = 1 + text.partition(name)[0].count("\n")
    assert f"{file}:{line}: " in str(error.value)
