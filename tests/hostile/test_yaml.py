"""YAML that is small in the file and large in memory, or that readers of other versions of YAML read differently."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditkit.config import load_yaml, read_yaml, replace_values
from auditkit.errors import ConfigError
from auditkit.schema import Config

LAUGHS = "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 9)
])
BOMBS = {
    "a billion laughs": LAUGHS,
    "in 236 bytes": "a: &a [[],[],[],[],[],[],[],[]]\n" + "".join(
        f"{new}: &{new} [*{old},*{old},*{old},*{old},*{old},*{old},*{old},*{old}]\n"
        for old, new in zip("abcdefg", "bcdefgh", strict=True)
    ),
    "of mappings": "a: &a {x: 1, y: 2}\n" + "".join(
        f"{new}: &{new} {{x: *{old}, y: *{old}, z: *{old}, u: *{old}, v: *{old}, w: *{old}}}\n"
        for old, new in zip("abcdefg", "bcdefgh", strict=True)
    ),
    "a list of itself": "a: &a [*a]",
    "a mapping of itself": "a: &a {b: *a}",
    "itself two steps away": "a: &a [1, &b [*a]]",
    "the file itself": "&a\na: *a",
    "an alias of nothing": "a: *b",
    "deep brackets": "a: " + "[" * 5000,
    "deep braces": "a: " + "{a: " * 5000,
    "deep lists": "a:\n" + "".join(f"{' ' * level}-\n" for level in range(1, 500)),
    "deep mappings": "".join(f"{' ' * level}a:\n" for level in range(500)),
    "many values": "a: [" + "1," * 100_000 + "]",
    "many keys": "".join(f"k{number}: 1\n" for number in range(30_000)),
    "many bytes": "a: " + "x" * (600 << 10),
    "many anchors": "a: [" + ", ".join(f"&a{number} 1" for number in range(30_000)) + "]",
    "an integer of 5,000 digits": "limit: " + "9" * 5000,
    "a float of 5,000 digits": "typo_rate: 0." + "1" * 5000,
    "a hexadecimal of 5,000 digits": "limit: 0x" + "f" * 5000,
    "base sixty": "limit: " + ":".join(["59"] * 2000),
    "a key that is a list": "? [a, b]\n: 1",
    "a key that is a mapping": "? {a: b}\n: 1",
    "two documents": "a: 1\n---\nb: 2",
    "a tag of Python": "a: !!python/object/apply:os.system ['true']",
    "a tag of one's own": "a: !mine 1",
    "a plain tag": "a: !!str 1",
    "binary": "a: !!binary aGVsbG8=",
    "a tag on the file": "!!map\na: 1",
    "a set": "a: !!set {x, y}",
    "a merged key": "b: &b {x: 1}\na:\n  <<: *b\n  y: 2",
    "a control character": "a: \x07",
    "a null character": "a: \x00",
    "a surrogate by escape": 'a: "\\ud83d"\nmodel: [',
    "half a mapping": "a: {b: 1",
    "a tab": "a:\n\t- b",
    "a directive": "%YAML 3.0\n---\na: 1",
    "an unknown directive and a tag": "%TAG ! tag:evil,2000:\n---\na: !x 1",
}
SURPRISES = [
    "010", "-010", "0x1F", "0b101", "0o17", "1_000", "1_000.5", "1:30", "190:20:30", "190:20:30.15", "yes", "No", "ON",
    "off", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43", "=",
]


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.yaml"
    path.write_text(BOMBS[name], encoding="utf-8")
    begun = time.monotonic()
    if not name.startswith("many"):  # the tracer takes seconds where much is read, and little of it is kept
        tracemalloc.start()
    try:
        with pytest.raises(ConfigError) as refusal:
            load_yaml(path)
        peak = tracemalloc.get_traced_memory()[1]  # 0 where it was not started
    finally:
        tracemalloc.stop()
    assert time.monotonic() - begun < 15, "under a tracer, on a busy machine"
    assert peak < 64 << 20
    text = str(refusal.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    assert len(text) < 400


@pytest.mark.parametrize("value", SURPRISES)
def test_a_word_that_versions_read_differently(value: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.yaml"
    path.write_text(f"model: m\nrules:\n  all: {value}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r'audit\.yaml:3: "rules\.all": ') as refusal:
        load_yaml(path)
    assert value in str(refusal.value)
    path.write_text(f'model: m\nrules:\n  all: "{value}"\n', encoding="utf-8")
    assert load_yaml(path)[0]["rules"]["all"] == value


@pytest.mark.parametrize("key", ["yes", "on", "NO", "010", "1:30", "12", "null", "~", "2001-01-01", "1.5", "<<"])
def test_a_key_that_is_no_text(key: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.yaml"
    path.write_text(f"model: m\n{key}: 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"audit\.yaml:2: the key .* is not text"):
        load_yaml(path)


@pytest.mark.parametrize(
    ("text", "key"),
    [("limit: true", "limit"), ("seed: false", "seed"), ("offline: 1", "offline"), ('offline: "yes"', "offline"),
     ("typo_rate: true", "typo_rate"), ("explain: {samples: true}", "explain.samples"), ("fresh: 0.0", "fresh"),
     ("api:\n  retries: true", "api.retries"), ("tasks: [{name: a, task: b, data: c, limit: true}]", "tasks.0.limit")],
)
def test_true_is_no_number(text: str, key: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.yaml"
    path.write_text(f"model: m\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf'audit\.yaml:[23]: "{key}": '):
        read_yaml(path, Config)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "a: [1, -2, 0.5, 1e3, 5e-5, true, null, ~, x y, 'no', \"010\", 2031-05-01]\nb: &b {c: 1}\nd: *b\n"
        "e: |\n  yes\n", encoding="utf-8",
    )
    data, lines = load_yaml(path)
    assert data["a"] == [1, -2, 0.5, "1e3", "5e-5", True, None, None, "x y", "no", "010", "2031-05-01"]
    assert (data["b"], data["d"], data["e"]) == ({"c": 1}, {"c": 1}, "yes\n")
    assert lines["d", "c"] == 2
    assert lines["e",] == 4


def test_a_file_that_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", tmp_path / ("x" * 300), tmp_path / "a\0b", Path("/dev/zero")):
        with pytest.raises(ConfigError) as refusal:
            load_yaml(path)
        assert "\n" not in str(refusal.value)
    (tmp_path / "latin").write_bytes(b"a: caf\xe9")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_yaml(tmp_path / "latin")


CARDS = {
    "braces": ('{"name": "a", "rows": 1, "sha256": "00"}', '{"name": "a", "rows": 7, "sha256": "ab"}'),
    "braces without": ('{"name": "a"}\n', '{"name": "a", "rows": 7, "sha256": "ab"}\n'),
    "empty braces": ("{}", '{"rows": 7, "sha256": "ab"}'),
    "braces over lines": (
        '{\n  "sha256": "x",\n  "rows": 1,\n  "b": {"rows": 3}\n}\n',
        '{\n  "sha256": "ab",\n  "rows": 7,\n  "b": {"rows": 3}\n}\n',
    ),
    "a comma at the end": ('{"a": 1,}', '{"a": 1,"rows": 7, "sha256": "ab"}'),
    "lines": ("a: 1\nrows: 1 # counted\nsha256: x\n", "a: 1\nrows: 7 # counted\nsha256: ab\n"),
    "lines without": ("a: 1", "a: 1\nrows: 7\nsha256: ab\n"),
    "an empty value": ("rows:\nsha256: ''\na: 1\n", "rows: 7\nsha256: ab\na: 1\n"),
    "text that looks like a key": (
        "a: |\n  rows: 1\nrows: 2\nsha256: x\n", "a: |\n  rows: 1\nrows: 7\nsha256: ab\n",
    ),
    "quoted keys": ('"rows": 1\n\'sha256\': x\n', "rows: 7\nsha256: ab\n"),
    "line ends of Windows": ("a: 1\r\nrows: 1\r\n", "a: 1\r\nrows: 7\r\nsha256: ab\r\n"),
}


@pytest.mark.parametrize("name", CARDS)
def test_sealing_a_card_leaves_it_valid(name: str) -> None:
    before, after = CARDS[name]
    assert replace_values(Path("card.yaml"), before, {"rows": 7, "sha256": "ab"}) == after


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    """A sealed pack of one row, with values of its card replaced."""
    from auditkit.load.packs import seal

    def write(checks: str = "", **changed: Any) -> Path:
        rows = '{"input": {"q": "Who?"}, "choices": [{"text": "a", "label": "a"}, {"text": "b", "label": "b"}], ' \
               '"target": "a", "clusters": {"t": "1"}}\n'
        (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
        card = {
            "name": "p", "version": 1, "title": "t", "measures": "m", "limits": "l", "license": "MIT", "source": "s",
            "citation": "c", "language": "en", "request": "choose", "rules": "[loglikelihood]", "files": "[rows.jsonl]",
            "templates": '[{text: "{q}"}]', "clusters": "[t]", "metrics": "[{metric: accuracy, arm: all}]",
        }
        lines = [f"{key}: {value}" for key, value in card.items()]
        (tmp_path / "card.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        seal(tmp_path)
        text = (tmp_path / "card.yaml").read_text(encoding="utf-8")
        (tmp_path / "card.yaml").write_text(
            replace_values(tmp_path / "card.yaml", text, {key: str(value) for key, value in changed.items()}),
            encoding="utf-8",
        )
        if checks:
            (tmp_path / "checks.yaml").write_text(checks, encoding="utf-8")
        return tmp_path

    return write


CHECK = "checks:\n- {rule: %s, benchmark: p, metric: %s, arm: %s, bound: 0.5}\n"


@pytest.mark.parametrize(
    ("checks", "changed", "message"),
    [
        ("", {"metrics": "[{metric: acuracy, arm: all}]"}, r'card\.yaml:\d+: "metrics\.0\.metric": .*accuracy'),
        ("", {"planted": "[{planted: random, metric: f1, arm: all, expect: undefined}]"},
         r'"planted\.0\.metric": no metric of this card'),
        (CHECK % ("AK999", "accuracy", "all"), {}, r'checks\.yaml:2: "checks\.0\.rule": no rule is called "AK999"'),
        (CHECK % ("AK202", "bleu", "all"), {}, r'checks\.yaml:2: "checks\.0\.metric": no metric of this card'),
        (CHECK % ("AK202", "accuracy", "clean"), {}, r'checks\.yaml:2: "checks\.0\.arm": no arm'),
        ("", {"sha256": "abc"}, r'card\.yaml:\d+: "sha256": '),
        ("", {"sha256": "Z" * 64}, r'card\.yaml:\d+: "sha256": '),
        ("", {"rows": "true"}, r'card\.yaml:\d+: "rows": '),
        ("", {"rows": "-1"}, r'card\.yaml:\d+: "rows": '),
        ("", {"rows": "1_0"}, r'card\.yaml:\d+: "rows": '),
        ("", {"upstream": "{repository: a/b, commit: main, files: []}"}, r'card\.yaml:\d+: "upstream\.'),
    ],
)
def test_a_check_of_a_pack_reads_every_name(
    checks: str, changed: dict[str, str], message: str, pack: Callable[..., Path]
) -> None:
    from auditkit.load.pack_names import refuse_unknown_names

    with pytest.raises(ConfigError, match=message):
        refuse_unknown_names(pack(checks, **changed))


def test_a_sound_pack_passes(pack: Callable[..., Path], command: Callable[..., int]) -> None:
    assert command("pack", "check", str(pack(CHECK % ("AK202", "accuracy", "all")))) == 0
