"""Names of generated Python, and patterns that mean the same in RE2 and in Python."""

import re

import pytest

from protoc_gen_fastapi.names import camel_case, snake_case
from protoc_gen_fastapi.patterns import PatternError, for_python, portable


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
]


@pytest.mark.parametrize(("pattern", "text", "matches"), MEANINGS)
def test_patterns_keep_their_meaning(pattern: str, text: str, matches: bool) -> None:
    assert (re.search(for_python(pattern), text) is not None) == matches


def test_portable_patterns_have_no_python_in_them() -> None:
    assert portable(r"^[^@\s]+@\w$") == r"^[^@\t\n\f\r ]+@[0-9A-Za-z_]$"


def test_patterns_that_ecmascript_has_no_words_for_are_not_shown() -> None:
    assert portable("(?i)a") is None
    assert portable("(?P<x>a)") is None


@pytest.mark.parametrize("pattern", [r"\pL", "a(?i)b", "(?=a)", r"\bword", r"[\S]", "[[:greek:]]", "(a", "a\\"])
def test_patterns_that_could_mean_something_else_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        for_python(pattern)
