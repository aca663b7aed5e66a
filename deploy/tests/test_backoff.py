from __future__ import annotations

from eshop_deploy.backoff import BackOff


def test_pauses_double_from_one_second_to_thirty() -> None:
    back_off = BackOff()
    assert [back_off.after_life_of(2) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_minute_alive_is_forgiven() -> None:
    back_off = BackOff()
    for _ in range(5):
        back_off.after_life_of(2)
    assert back_off.after_life_of(60) == 1
    assert back_off.after_life_of(59) == 2
