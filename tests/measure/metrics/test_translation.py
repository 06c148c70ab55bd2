"""BLEU and chrF against sacreBLEU's own command, in several scripts."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditkit.judge.threshold import Basis, judge_check
from auditkit.measure.measurement import measure
from auditkit.measure.metrics.translation import BLEU_PARTS, CHRF_PARTS, corpus_bleu, corpus_chrf, tokenizer
from auditkit.schema import Check, Estimate, Fill, Output, SelfTestReading

from ..conftest import card, sample, says

TEXTS = {
    "en": ["The cat sat on the mat, didn't it?", "It is raining again in the north today.", "We left at 7:30 p.m."],
    "de": ["Die Katze saß auf der Matte, oder?", "Im Norden regnet es heute schon wieder.", "Wir gingen um 19.30 Uhr."],
    "ru": ["Кошка сидела на коврике, не так ли?", "Сегодня на севере снова идёт дождь.", "Мы ушли в 19:30 вечера."],
    "ar": [
        "جلست القطة على السجادة، أليس كذلك؟",
        "إنها تمطر مرة أخرى في الشمال اليوم.",
        "غادرنا الساعة السابعة والنصف مساء.",
    ],
    "hi": ["बिल्ली चटाई पर बैठी थी, है ना?", "आज उत्तर में फिर बारिश हो रही है।", "हम शाम साढ़े सात बजे निकले।"],
    "zh": ["猫坐在垫子上，不是吗？", "今天北方又下雨了。", "我们晚上七点半离开了。"],
    "ja": [
        "猫はマットの上に座っていましたよね。",
        "今日は北の方でまた雨が降っています。",
        "私たちは午後七時半に出発しました。",
    ],
    "th": ["แมวนั่งอยู่บนเสื่อใช่ไหม", "วันนี้ฝนตกอีกแล้วทางภาคเหนือ", "เราออกเดินทางตอนทุ่มครึ่ง"],
    "ko": [
        "고양이가 매트 위에 조용히 앉아 있었다.",
        "오늘 북쪽에는 다시 비가 내리고 있다.",
        "우리는 저녁 일곱 시 반에 떠났다.",
    ],
}
EXPECTED = {"zh": "zh", "ja": "char", "th": "char"}


def spoiled(text: str) -> str:
    """The text with a piece missing and its end doubled."""
    cut = len(text) // 3
    return text[:cut] + text[cut + 2 :] + " " + text[-3:]


def measured(name: str, golds: list[str], said: list[str | None], **fields: Any) -> Estimate:
    samples = [sample(str(i), labels=(), references=(gold,), target=None, **fields) for i, gold in enumerate(golds)]
    outputs: dict[str, Output | None] = {
        one.id: None if text is None else says(text, rule="text") for one, text in zip(samples, said, strict=True)
    }
    (found,) = measure(card(metrics=[{"metric": name, "arm": "all"}], request="generate"), samples, outputs).estimates
    return found


def command(folder: Path, golds: list[list[str]], said: list[str], *more: str) -> dict[str, Any]:
    """What `sacrebleu` prints."""
    paths = []
    for i, lines in enumerate([*golds, said]):
        paths.append(folder / f"{i}.txt")
        paths[-1].write_text("\n".join(lines) + "\n", encoding="utf-8")
    call = [sys.executable, "-m", "sacrebleu", *map(str, paths[:-1]), "-i", str(paths[-1]), "-w", "10", *more]
    done = subprocess.run(call, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("language", ["en", "zh", "th"])
def test_the_corpus_value_is_the_commands(language: str, tmp_path: Path) -> None:
    golds = TEXTS[language] * 4
    said = [spoiled(text) if i % 3 else text for i, text in enumerate(golds)]
    name = EXPECTED.get(language, "13a")
    bleu = command(tmp_path, [golds], said, "-m", "bleu", "--tokenize", name)
    found = measured("bleu", golds, list(said))
    assert found.value == pytest.approx(bleu["score"], abs=1e-8)
    assert found.signature["bleu"] == bleu["signature"]
    chrf = command(tmp_path, [golds], said, "-m", "chrf")
    found = measured("chrf", golds, list(said))
    assert found.value == pytest.approx(chrf["score"], abs=1e-8)
    assert found.signature["chrf"] == chrf["signature"]
    assert 10 < found.value < 99


def test_several_references(tmp_path: Path) -> None:
    first = TEXTS["en"]
    second = ["A cat was on the mat, wasn't it?", "Today it rains in the north.", "We went at half past 7."]
    said = ["The cat was on the mat, wasn't it?", "It rains again in the north today.", "We left at half past 7."]
    samples = [sample(str(i), labels=(), references=pair) for i, pair in enumerate(zip(first, second, strict=True))]
    outputs = {one.id: says(text, rule="text") for one, text in zip(samples, said, strict=True)}
    uses = [{"metric": "bleu", "arm": "all"}, {"metric": "chrf", "arm": "all"}]
    bleu, chrf = measure(card(metrics=uses, request="generate"), samples, outputs).estimates
    expected = command(tmp_path, [first, second], said, "-m", "bleu", "chrf")
    assert [bleu.value, chrf.value] == pytest.approx([one["score"] for one in expected], abs=1e-8)  # type: ignore[index]
    assert "nrefs:2" in bleu.signature["bleu"]


@pytest.mark.parametrize("language", list(TEXTS))
def test_exact_copies_score_a_hundred_in_every_language(language: str) -> None:
    assert tokenizer(TEXTS[language]) == EXPECTED.get(language, "13a")
    for name in ("bleu", "chrf"):
        found = measured(name, TEXTS[language], list(TEXTS[language]))
        assert found.value == pytest.approx(100)


def test_known_bad_output_scores_low() -> None:
    assert measured("bleu", TEXTS["en"], ["x y z"] * 3).value == 0
    assert measured("chrf", TEXTS["en"], ["###"] * 3).value == 0


def test_an_empty_translation_is_missing_and_bounded_from_above() -> None:
    golds = TEXTS["en"] * 10
    said: list[str | None] = [spoiled(text) for text in golds]
    said[:3] = [None, "", "I'm sorry, but I can't help with that."]
    found = measured("bleu", golds, said)
    assert found.unscored == {"not_run": 1, "refused": 1, "unparsed": 1}
    assert found.value is not None
    assert found.at_lowest_fill == Fill(value=None, low=None, high=None, spread=None)
    assert found.at_highest_fill.value is not None
    assert found.value < found.at_highest_fill.value
    assert found.range == (0, 100)


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_no_gate_passes_on_what_a_missing_text_could_have_been(name: str) -> None:
    """A refused text could have been a page of junk, which lowers the corpus without limit."""
    golds = TEXTS["en"] * 40
    check = Check(rule="AK101", benchmark="p", metric=name, arm="all", bound=20, min_samples=1, min_clusters=2)
    refusal, statuses = "I'm sorry, but I can't help with that.", {}
    readable = SelfTestReading(
        planted="always-right", estimate=check.estimate, expect="best", expected=100, value=100, low=None, high=None,
        n=120, ok=True,
    )
    for missing in (0, 4):
        said: list[str | None] = [refusal if i < missing else spoiled(text) for i, text in enumerate(golds)]
        found = measured(name, golds, said)
        finding = judge_check(check, Basis({found.id: found}, selftest=(readable,)))
        statuses[missing] = finding.status
    assert statuses == {0: "pass", 4: "inconclusive"}


def test_a_translated_refusal_is_a_translation() -> None:
    text = "I'm sorry, but I can't help with that."
    assert measured("bleu", [text], [text]).value == pytest.approx(100)
    assert measured("bleu", ["We left at 7:30 p.m."], [text]).unscored == {"refused": 1}


def test_filled_with_the_reference_is_what_sacrebleu_says_of_it(tmp_path: Path) -> None:
    golds = TEXTS["en"] * 4
    said: list[str | None] = [spoiled(text) for text in golds]
    said[0] = None
    found = measured("bleu", golds, said)
    copied = [golds[0], *[str(text) for text in said[1:]]]
    assert found.at_highest_fill.value == pytest.approx(command(tmp_path, [golds], copied)["score"], abs=1e-8)


@pytest.mark.parametrize("language", ["eng_Latn", "arb_Arab", "hin_Deva", "jpn_Jpan", "rus_Cyrl"])
def test_published_sentences(language: str, mirror: Path, tmp_path: Path) -> None:
    """FLORES-200 devtest: a spoiled copy scores what the command says, an exact one 100."""
    plain, packed = mirror / "flores200" / f"{language}.devtest", mirror / "flores200" / f"{language}.devtest.gz"
    text = plain.read_text(encoding="utf-8") if plain.exists() else gzip.decompress(packed.read_bytes()).decode("utf-8")
    golds = text.split("\n")[:60]
    said = [spoiled(line) for line in golds]
    name = "char" if language == "jpn_Jpan" else "13a"
    found = measured("bleu", golds, list(said))
    expected = command(tmp_path, [golds], said, "-m", "bleu", "--tokenize", name)
    assert found.value == pytest.approx(expected["score"], abs=1e-8)
    assert measured("bleu", golds, list(golds)).value == pytest.approx(100)
    assert measured("chrf", golds, list(golds)).value == pytest.approx(100)


def test_each_arm_has_the_tokenizer_of_its_own_script() -> None:
    samples = [sample(f"{arm}-{i}", labels=(), references=(text,), arm=arm)
               for arm in ("en", "zh", "th") for i, text in enumerate(TEXTS[arm])]
    outputs = {one.id: says(one.references[0], rule="text") for one in samples}
    uses = [{"metric": "bleu", "arm": arm} for arm in ("en", "zh", "th")]
    made = measure(card(metrics=uses, request="generate"), samples, outputs).estimates
    assert [one.signature["tokenizer"] for one in made] == ["13a", "zh", "char"]
    assert [one.value for one in made] == pytest.approx([100, 100, 100])


def test_bleu_and_chrf_formulas_on_sums():
    """Perfect is 100; without any match 0; an order without a match counts half of one (smoothing 'exp')."""
    perfect = {name: np.array([6.0]) for name in BLEU_PARTS}
    assert corpus_bleu.value(perfect) == pytest.approx(100)
    assert corpus_bleu.value({**perfect, **{f"matches_{i}": np.array([0.0]) for i in range(1, 5)}}) == 0
    half = {**perfect, "matches_4": np.array([0.0])}
    assert corpus_bleu.value(half) == pytest.approx(100 * (0.5 / 6) ** 0.25)
    assert corpus_chrf.value({name: np.array([5.0]) for name in CHRF_PARTS}) == pytest.approx(100)
    # precision ½, recall 1 in each order: F2 = 5·.5·1/(4·.5 + 1)
    parts = {name: np.array([10.0 if name.startswith("candidate") else 5.0]) for name in CHRF_PARTS}
    assert corpus_chrf.value(parts) == pytest.approx(100 * 2.5 / 3)
