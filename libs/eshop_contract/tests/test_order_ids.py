"""Order ids: told apart from any other text, without asking a store."""

import re

import pytest

from eshop_contract import LENGTH, OrderIds, OrderIdSettings


@pytest.fixture
def ids() -> OrderIds:
    return OrderIds(OrderIdSettings(order_id_key="a key for tests"))


@pytest.mark.parametrize("kind", ["o", "b", "f"])
def test_an_id_has_26_small_letters_and_digits_and_tells_its_kind(ids, kind):
    made = ids.new(kind)
    assert re.fullmatch(f"{kind}[0-9a-v]{{25}}", made)
    assert LENGTH == 26
    assert ids.kind(made) == kind


def test_no_two_ids_are_the_same_and_they_begin_at_random(ids):
    made = [ids.new("o") for _ in range(20_000)]
    assert len(set(made)) == len(made)
    assert len({i[1:4] for i in made}) > 10_000


def test_a_derived_id_is_the_same_for_the_same_source_only(ids):
    one = ids.derived("b", "topic/0/17")
    assert one == ids.derived("b", "topic/0/17")
    assert one != ids.derived("b", "topic/0/18")
    assert one[1:] != ids.derived("f", "topic/0/17")[1:]
    assert ids.kind(one) == "b"


def test_every_change_of_one_character_is_noticed(ids):
    made = ids.new("f")
    for place in range(LENGTH):
        for other in "0vob":
            forged = made[:place] + other + made[place + 1 :]
            assert forged == made or ids.kind(forged) is None


@pytest.mark.parametrize("text", ["", "x", "o" * 26, "ö" * 26, "o" * 27, "\x00" * 26, "o" * 100_000, "'; DROP--" * 3])
def test_any_other_text_is_no_order_id(ids, text):
    assert ids.kind(text) is None


def test_upper_case_and_ids_of_another_shop_are_foreign(ids):
    made = ids.new("o")
    assert ids.kind(made.upper()) is None
    assert ids.kind(f" {made}") is None
    assert OrderIds(OrderIdSettings(order_id_key="another key")).kind(made) is None
