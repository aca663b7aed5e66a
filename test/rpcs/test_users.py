"""Users: one per email, and no call ever tells a password."""

import asyncio
import json

import fresh
import pytest
from databases import Databases
from transports import CallError, Transport, failing

SECRET = "correct horse battery staple"


def _hash(db: Databases, user_id: int) -> str:
    return db.value("SELECT password FROM eshop_user.user WHERE id = %s", user_id)


async def test_a_second_user_with_the_same_email_is_refused(on: Transport) -> None:
    email = fresh.email()
    await on("user", "Create", name="Ada", email=email, password=SECRET)

    with failing("ALREADY_EXISTS", "email"):
        await on("user", "Create", name="Bob", email=email, password=SECRET)


async def test_of_many_users_with_one_email_at_the_same_time_one_is_made(on: Transport, db: Databases) -> None:
    email = fresh.email()

    async def create() -> str:
        try:
            await on("user", "Create", name="Ada", email=email, password=SECRET)
        except CallError as error:
            return error.kind
        return "OK"

    answers = await asyncio.gather(*(create() for _ in range(8)))

    assert sorted(answers) == ["ALREADY_EXISTS"] * 7 + ["OK"]
    assert db.value("SELECT COUNT(*) AS n FROM eshop_user.user WHERE email = %s", email) == 1


async def test_nobody_takes_the_email_of_another(on: Transport) -> None:
    emails = [fresh.email(), fresh.email()]
    ids = [(await on("user", "Create", name="Ada", email=email, password=SECRET))["id"] for email in emails]

    with failing("ALREADY_EXISTS", "email"):
        await on("user", "UpdateByID", id=ids[1], email=emails[0])

    assert (await on("user", "GetByID", id=ids[1]))["user"]["email"] == emails[1]


async def test_a_password_is_kept_as_an_argon2id_hash(on: Transport, db: Databases) -> None:
    made = await on("user", "Create", name="Ada", email=fresh.email(), password=SECRET)

    assert _hash(db, made["id"]).startswith("$argon2id$")


async def test_a_changed_password_is_hashed_and_an_unchanged_one_stays(on: Transport, db: Databases) -> None:
    user_id = (await on("user", "Create", name="Ada", email=fresh.email(), password=SECRET))["id"]
    first = _hash(db, user_id)

    await on("user", "UpdateByID", id=user_id, name="Ada L.")
    assert _hash(db, user_id) == first

    await on("user", "UpdateByID", id=user_id, password="another secret")
    assert _hash(db, user_id) != first
    assert _hash(db, user_id).startswith("$argon2id$")


async def test_no_call_returns_a_password(on: Transport) -> None:
    user_id = (await on("user", "Create", name="Ada", email=fresh.email(), password=SECRET))["id"]
    columns = [{"name": "id", "value": str(user_id)}]

    replies = [
        await on("user", "GetByID", id=user_id),
        await on("user", "List", params={"limit": 1, "columns": columns}),
        await on("user", "UpdateByID", id=user_id, password="another secret"),
        await on("gw", "ListUser", limit=50),
    ]

    for reply in replies:
        text = json.dumps(reply)
        assert SECRET not in text
        assert "another secret" not in text
        assert "argon2" not in text
    assert replies[0]["user"]["password"] == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no at sign"),
        ("email", ""),
        ("email", f"{'a' * 250}@example.com"),
        ("age", -1),
        ("age", 1000),
        ("gender", 3),
        ("status", 9),
        ("loginType", 5),
        ("name", "x" * 51),
        ("password", "x" * 129),
    ],
)
async def test_a_user_that_breaks_a_rule_is_refused_by_name(on: Transport, field: str, value: str | int) -> None:
    sound = {"name": "Ada", "email": fresh.email(), "password": SECRET}

    with failing("INVALID_ARGUMENT", field):
        await on("user", "Create", **{**sound, field: value})
