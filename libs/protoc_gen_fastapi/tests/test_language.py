"""The language in which a caller is told its errors."""

import pytest

from protoc_gen_fastapi.runtime import Call

KNOWN = ("en", "zh")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("ZH-hant-TW", "zh"),
        ("en-US,en;q=0.9,zh-CN;q=0.8", "en"),
        ("en;q=0.5, zh;q=0.7", "zh"),
        ("en, zh", "en"),
        ("zh, en", "zh"),
        ("fr, zh;q=0.5", "zh"),
        ("fr-CH, fr;q=0.9", "en"),
        ("fr, *;q=0.5", "en"),
        ("en;q=0, *", "zh"),
        ("zh;q=0", "en"),
        ("zh;q=much", "en"),
        ("zh;q=2", "en"),
        ("", "en"),
        (";,;q=,=", "en"),
        ("x" * 100_000, "en"),
    ],
)
def test_the_header_chooses_among_the_languages_that_there_are(header: str, language: str) -> None:
    assert Call.local({"Accept-Language": header}).prefers(KNOWN) == language


def test_without_a_header_it_is_the_first() -> None:
    assert Call.local().prefers(KNOWN) == "en"


def test_the_language_travels_on_to_other_services() -> None:
    assert ("accept-language", "zh") in Call.local({"accept-language": "zh"}).outgoing()
    assert len(Call.local({"accept-language": "中"}).outgoing()) == 1
