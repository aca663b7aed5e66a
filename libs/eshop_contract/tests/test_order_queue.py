"""The order queue's names and seal."""

from eshop_contract import SEAL, OrderIdSettings, OrderQueueSettings, QueueSeal

SECRET = OrderIdSettings(order_id_key="a secret for tests")


def test_a_seal_fits_the_value_that_it_was_made_for_and_its_installation_only() -> None:
    seal, other = QueueSeal(SECRET), QueueSeal(OrderIdSettings(order_id_key="another secret"))
    headers = seal.headers(b"an order", {"x-request-id": "r"})
    assert headers["x-request-id"] == "r"
    assert seal.fits(b"an order", headers)
    assert not seal.fits(b"an order ", headers)
    assert not other.fits(b"an order", headers)
    assert not any(seal.fits(b"an order", {SEAL: wrong}) for wrong in ("", "\u00e9", headers[SEAL][:-1]))


def test_the_names_of_a_stack_are_those_in_its_variables_whatever_this_process_has(monkeypatch) -> None:
    monkeypatch.setenv("ESHOP_KAFKA_ORDER_GROUP", "ours")
    names = OrderQueueSettings.of({"ESHOP_KAFKA_ORDER_TOPIC": "theirs", "ESHOP_KAFKA_DEAD_LETTER_TOPIC": ""})
    assert names.kafka_order_topic == "theirs"
    assert names.kafka_dead_letter_topic == "flash-sale-order-dead-letter"
    assert names.kafka_order_group == "activity-order-group"
