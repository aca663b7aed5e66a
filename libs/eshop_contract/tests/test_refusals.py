"""One table of refusals: codes, and texts in two languages that can be told from each other and found again."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from eshop_chassis import other_request, still_running
from eshop_contract import SHOP, refusals
from eshop_contract.refusals import KINDS, RefusalKind
from protoc_gen_fastapi import wording
from protoc_gen_fastapi.runtime import Refused, known_codes

ROOT = Path(__file__).parents[3]
SOURCES = [path for path in ROOT.glob("**/src/eshop_*/**/*.py") if not {".venv", ".eshop"} & set(path.parts)]
REFUSING = {"Refused", "Conflict"}


def facts_of(kind: RefusalKind) -> dict[str, object]:
    return {name: n + 2 for n, name in enumerate(re.findall(r"\{(\w+)\}", kind.english))}


def in_chinese(text: str) -> bool:
    return bool(re.search(r"[\u4e00-\u9fff]", SHOP.text_in("zh", text)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.short} {kind.english[:20]}")
def test_a_refusal_is_told_in_both_languages_with_the_same_facts(kind: RefusalKind) -> None:
    facts = facts_of(kind)
    refusal = kind(**facts)
    assert SHOP.text_in("en", refusal.reason) == refusal.reason
    assert SHOP.text_in("zh", refusal.reason) == kind.chinese.format(**facts)
    assert in_chinese(refusal.reason)
    assert len(refusal.reason) < 200


def test_a_short_code_has_one_envelope_code_that_is_listed() -> None:
    assert {(kind.short, kind.code) for kind in KINDS} == {(s, refusals.code_of(s)) for s in {k.short for k in KINDS}}
    listed = {entry["code"] for entry in known_codes()} | set(SHOP.meanings)
    assert {kind.code for kind in KINDS} <= listed
    assert not {entry["code"] for entry in known_codes()} & set(SHOP.meanings)


def test_the_original_s_words_are_the_chinese_ones() -> None:
    assert SHOP.text_in("zh", refusals.SOLD_OUT(product=1).reason) == "销售完毕"
    assert refusals.SOLD_OUT(product=1).error().code == refusals.OUT_OF_STOCK(product=1).error().code == 30023


def test_one_sentence_says_whatever_stock_it_is_that_has_too_few() -> None:
    for left in (0, 2):
        sale, stock = (refusals.too_few(1, 3, left, on_sale=on_sale) for on_sale in (True, False))
        assert (sale.reason, sale.error().code) == (stock.reason, stock.error().code)


def test_what_others_say_beside_the_table_is_known_in_chinese() -> None:
    assert still_running().message == refusals.STILL_RUNNING().reason
    assert in_chinese(other_request().message)
    assert all(in_chinese(str(entry["msg"])) for entry in known_codes() if entry["code"])
    rules = [wording.greater_than(0), wording.at_most(9), wording.min_characters(1), wording.max_items(5)]
    rules += [wording.match("^a$"), wording.one_of("[1, 2]"), wording.REQUIRED]
    assert all(SHOP.text_in("zh", f"orders[0].id: {rule}").startswith("orders[0].id：") for rule in rules)


@pytest.mark.parametrize(
    "text", ["", "no such sentence", "product x is sold out", "product 1 is sold out!", "x" * 9999]
)
def test_a_sentence_that_nobody_translated_stays_as_it_is(text: str) -> None:
    assert SHOP.text_in("zh", text) == text


def test_every_short_code_of_a_refusal_in_the_source_is_in_the_table() -> None:
    shorts = {(path.name, short) for path in SOURCES for short, _ in refused_in(path) if short}
    lua = {row for p in ROOT.glob("flash_sale/src/**/take.lua") for row in re.findall(r'\{ "([A-Z_]+)"', p.read_text())}
    assert lua == {"SOLD_OUT", "LIMIT_REACHED", "NOT_ON_SALE"}
    assert {(name, short) for name, short in shorts if refusals.code_of(short) is None} == set()
    assert all(refusals.code_of(short) for short in lua)


def test_every_sentence_with_which_the_source_refuses_is_known_in_chinese() -> None:
    said = {text for path in SOURCES for _, text in refused_in(path) if text}
    assert len(said) > 10
    assert {text for text in said if not in_chinese(text)} == set()


def refused_in(path: Path) -> Iterator[tuple[str, str]]:
    """The short code and the sentence of each `Refused(...)` or `Conflict(...)` with literals, "" where it has none."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSING:
            short = [k.value for k in node.keywords if k.arg == "short"]
            yield _text(short[0]) if short else "", _text(node.args[0]) if node.args else ""


def _text(node: ast.expr) -> str:
    """A literal; what is filled in stands as a 1."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else ""


def test_the_general_code_of_a_refusal_is_that_of_the_transports() -> None:
    assert Refused("x").code == refusals.CONFLICT
