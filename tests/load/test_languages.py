"""The language by its script."""

import pytest

from auditkit.load.languages import language_of


@pytest.mark.parametrize(("text", "language"), [
    ("The cat", "en"), ("12", "en"), ("आज वर्षा भयो", "und"), ("Сегодня дождь", "und"), ("今天下雨", "zh"),
    ("今日は雨です", "ja"), ("오늘은 비", "ko"), ("วันนี้ฝนตก", "th"), ("اليوم", "und"),
])
def test_a_script_tells_the_language_or_that_it_does_not(text: str, language: str) -> None:
    assert language_of([text]) == language
