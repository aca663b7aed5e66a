"""Orders that go through, each way in: the books must say so."""

from books import Books
from databases import Databases
from gateway_client import Gateway


async def test_a_normal_order_is_confirmed_in_its_answer(
    gw: Gateway, books: Books, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)

    answer = await gw.submit(user, product, count=3, amount=900)

    assert (answer.status, answer.data["status"]) == (200, "confirmed")
    outcome = (await gw.outcome(answer.order_id)).data
    assert (outcome["status"], outcome["reason"]) == ("confirmed", "")
    order = outcome["order"]
    assert (order["orderID"], order["userID"], order["productID"]) == (answer.order_id, user, product)
    assert (order["productCount"], order["amount"], order["couponID"], order["status"]) == (3, 900, 0, 1)
    assert db.stock(product) == 7
    await books.balance(product, sold=3, accepted=[answer.order_id])


async def test_a_buffered_order_answers_with_its_id_and_is_placed_soon_after(
    gw: Gateway, books: Books, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)

    answer = await gw.notify(user, product, count=2, amount=300)

    assert answer.status == 200
    outcome = await gw.settled(answer.order_id)
    assert outcome["status"] == "confirmed"
    assert (outcome["order"]["productCount"], outcome["order"]["amount"]) == (2, 300)
    assert db.stock(product) == 8
    await books.balance(product, sold=2, accepted=[answer.order_id])


async def test_a_flash_order_is_accepted_and_placed_soon_after(
    gw: Gateway, books: Books, db: Databases, product: int, user: int
) -> None:
    await gw.set_flash(product, 10)

    answer = await gw.flash(user, product, amount=70)

    assert answer.status == 200
    outcome = await gw.settled(answer.order_id)
    assert outcome["status"] == "confirmed"
    order = outcome["order"]
    assert (order["userID"], order["productCount"], order["amount"]) == (user, 1, 70)
    assert (db.stock(product), db.flash_left(product)) == (9, 9)
    await books.balance(product, sold=1, accepted=[answer.order_id])


async def test_an_accepted_order_can_be_asked_about_from_the_first_moment(gw: Gateway, product: int, user: int) -> None:
    await gw.set_flash(product, 5)

    for answer in (await gw.flash(user, product), await gw.notify(user, product)):
        outcome = await gw.outcome(answer.order_id)
        assert outcome.status == 200
        assert outcome.data["status"] in ("accepted", "running", "confirmed")
        assert (await gw.settled(answer.order_id))["status"] == "confirmed"


async def test_an_order_with_a_coupon_uses_it(
    gw: Gateway, books: Books, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)
    coupon = await gw.new_coupon(user)

    answer = await gw.submit(user, product, coupon=coupon)

    assert answer.data["status"] == "confirmed"
    assert (db.coupon(coupon)["status"], db.coupon(coupon)["order_id"]) == (2, answer.order_id)
    await books.balance(product, sold=1, accepted=[answer.order_id])


async def test_a_buffered_order_with_a_coupon_uses_it(
    gw: Gateway, books: Books, db: Databases, product: int, user: int
) -> None:
    await gw.set_stock(product, 10)
    coupon = await gw.new_coupon(user)

    answer = await gw.notify(user, product, coupon=coupon)

    assert (await gw.settled(answer.order_id))["status"] == "confirmed"
    assert db.coupon(coupon)["order_id"] == answer.order_id
    await books.balance(product, sold=1)


async def test_the_largest_ids_go_through_unharmed(gw: Gateway, books: Books, user: int) -> None:
    user, product = 2**64 - 1 - user, 2**64 - 1 - user // 2
    await gw.set_flash(product, 3)

    normal, flash = await gw.submit(user, product), await gw.flash(user, product)

    for answer in (normal, flash):
        order = (await gw.settled(answer.order_id))["order"]
        assert (order["userID"], order["productID"]) == (user, product)
    await books.balance(product, sold=2)
