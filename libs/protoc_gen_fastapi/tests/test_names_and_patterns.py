"""Names of generated Python, and patterns that mean the same in RE2 and in Python."""

import pytest

from protoc_gen_fastapi.names import camel_case, snake_case
from protoc_gen_fastapi.patterns import PatternError, matches, portable


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("DeleteByID", "delete_by_id"),
        ("GetByID", "get_by_id"),
        ("StockDeduct", "stock_deduct"),
        ("flashSale", "flash_sale"),
        ("List", "list"),
        ("HTTPGet2Ids", "http_get2_ids"),
        ("Import", "import_"),
        ("already_snake", "already_snake"),
    ],
)
def test_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake


@pytest.mark.parametrize(("name", "camel"), [("flashSale", "FlashSale"), ("stock", "Stock"), ("a_b", "AB")])
def test_camel_case(name: str, camel: str) -> None:
    assert camel_case(name) == camel


# What RE2 says of them, by its documentation.
MEANINGS = [
    (r"^a$", "a", True),
    (r"^a$", "a\n", False),
    (r"^[^@\s]+$", "a\u00a0b", True),
    (r"^[^@\s]+$", "a b", False),
    (r"^\S+$", "\u2003", True),
    (r"^\S+$", "\t", False),
    (r"^\d$", "٣", False),
    (r"^\d$", "3", True),
    (r"^\w$", "é", False),
    (r"^[\w-]+$", "a_-9", True),
    (r"^[$]\$$", "$$", True),
    (r"^(?:ab|c){2}$", "abc", True),
    (r"^a\.b$", "axb", False),
    ("b", "abc", True),
    ("(?i)^ab$", "aB", True),
    ("^(?P<first>a)(?<second>b)$", "ab", True),
    ("^[[:alpha:]_]+$", "a_", True),
    ("^[[:alpha:]_]+$", "a1", False),
    (r"^\x41\z", "A", True),
    (r"^\pL+$", "\u00e9", True),
    (r"\bword\b", "a word", True),
    (r"^[]$]+$", "]$", True),
    ("^[[a]$", "[", True),
]


@pytest.mark.parametrize(("pattern", "text", "found"), MEANINGS)
def test_patterns_are_re2_s(pattern: str, text: str, found: bool) -> None:
    assert matches(pattern, text) == found


def test_portable_patterns_have_no_python_in_them() -> None:
    assert portable(r"^[^@\s]+@\w$") == r"^[^@\t\n\f\r ]+@[0-9A-Za-z_]$"


@pytest.mark.parametrize("pattern", ["(?i)a", "(?P<x>a)", r"\pL", r"a\z", "[[:alpha:]]", r"[\S]"])
def test_patterns_that_ecmascript_has_no_words_for_are_not_shown(pattern: str) -> None:
    assert portable(pattern) is None


def test_no_pattern_takes_for_ever() -> None:
    assert not matches("^(a+)+$", "a" * 5_000 + "!")  # a matcher that goes back would take longer than the universe


@pytest.mark.parametrize("pattern", ["(?=a)", "(a", "a\\", "a**", "[[:greek:]]", r"(a)\1"])
def test_what_is_no_pattern_of_re2_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        matches(pattern, "")
