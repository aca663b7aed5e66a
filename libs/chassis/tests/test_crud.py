"""CRUD against a real MySQL: rows come back as messages, and what does not fit is told by the field's name."""

from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from chassis_trial import parts
from sqlalchemy.exc import OperationalError

from eshop_chassis.crud.store import CrudStore, changed_fields, client_names, column_name, sent_fields, table_of
from eshop_protos.types.types_pb2 import Column, Params
from eshop_protos.user.v1 import user_pb2 as pb
from protoc_gen_fastapi.runtime import AlreadyExists, InvalidArgument, NotFound

THING = table_of("thing", pb.User)
STORE = CrudStore(THING, pb.User, "user", hidden=frozenset({"password"}))


@pytest.fixture
def create(db):
    numbers = count(1)

    async def make(**values: object) -> int:
        number = next(numbers)
        row = {"name": "", "email": f"{number}@x", "login_at": number} | values
        return await db.run_core(lambda tx: STORE.create(tx, row))

    return make


@pytest.fixture
def find(db):
    async def names(*columns: Column, **params: Any) -> str:
        asked: dict[str, Any] = {"limit": 100, "sort": "id", **params}
        _, found = await STORE.list(db, Params(**asked, columns=columns))
        return "".join(user.name for user in found)

    return names


@pytest.mark.parts
async def test_a_row_comes_back_as_a_message_without_what_is_hidden(db, create):
    row_id = await create(name="Käthe 🛒", password="$argon2", age=30)
    row = await db.run_core(lambda tx: STORE.get(tx, row_id))
    user = STORE.to_message(row)
    assert (user.id, user.name, user.age, user.loginAt, user.password) == (row_id, "Käthe 🛒", 30, 1, "")
    assert user.loginType == 0, "a column without a value leaves the field as it is"
    assert len(user.createdAt) == len("2024-05-06T07:08:09Z")
    assert user.createdAt.endswith("Z")
    total, [listed] = await STORE.list(db, Params(limit=1))
    assert (total, listed) == (1, user)


@pytest.mark.parts
async def test_only_sent_fields_are_written(db, create):
    row_id = await create(name="Anna", age=30)
    request = pb.UpdateUserByIDRequest(id=row_id, age=0)
    assert sent_fields(request) == {"age": 0}
    await db.run_core(lambda tx: STORE.update(tx, row_id, sent_fields(request)))
    row = await db.run_core(lambda tx: STORE.get(tx, row_id))
    assert (row.name, row.age) == ("Anna", 0)
    assert changed_fields(row, {"name": "Anna", "age": 1}) == {"age"}
    await db.run_core(lambda tx: STORE.update(tx, row_id, {}))


@pytest.mark.parts
async def test_a_deleted_row_is_gone_and_its_unique_values_are_free(db, create, find):
    row_id = await create(name="a", email="a@x")
    await db.run_core(lambda tx: STORE.delete(tx, row_id))
    assert await find() == ""
    for work in (STORE.get, STORE.delete):
        with pytest.raises(NotFound, match=f"user {row_id} does not exist"):
            await db.run_core(lambda tx, work=work: work(tx, row_id))
    with pytest.raises(NotFound):
        await db.run_core(lambda tx: STORE.update(tx, row_id, {"name": "b"}))
    await create(name="b", email="a@x")
    assert await find() == "b"


@pytest.mark.parts
async def test_a_taken_unique_value_is_told_by_the_field_s_name(db, create):
    row_id = await create(email="for key 'x'")
    with pytest.raises(AlreadyExists, match="a user with this email exists already"):
        await create(email="for key 'x'")
    with pytest.raises(AlreadyExists, match="a user with this loginAt exists already"):
        await create(login_at=1)
    other = await create()
    with pytest.raises(AlreadyExists, match="email"):
        await db.run_core(lambda tx: STORE.update(tx, other, {"email": "for key 'x'"}))
    assert row_id != other


@pytest.mark.parts
@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"name": "x" * 21}, "name: is too long"),
        ({"age": 256}, "age: is out of range"),
        ({"age": -1}, "age: is out of range"),
        ({"login_at": 2**64}, "loginAt: is out of range"),
    ],
)
async def test_a_value_that_does_not_fit_is_told_by_the_field_s_name(create, db, values, told):
    with pytest.raises(InvalidArgument, match=f"^{told}$"):
        await create(**values)
    row_id = await create()
    with pytest.raises(InvalidArgument, match=f"^{told}$"):
        await db.run_core(lambda tx: STORE.update(tx, row_id, values))


@pytest.mark.parts
async def test_another_error_of_mysql_stays_what_it_is(db):
    wrong = CrudStore(table_of("thing", pb.User, sa.Column("nonsense", sa.String)), pb.User, "user")
    with pytest.raises(OperationalError, match="Unknown column"):
        await db.run_core(lambda tx: wrong.create(tx, {"nonsense": 1}))


@pytest.mark.parts
async def test_filters_find_what_they_say(create, find):
    for name, age in (("a", 1), ("b", 2), ("c", 3), ("d", 4)):
        await create(name=name, age=age)
    assert await find() == "abcd"
    assert await find(Column(name="age", exp=">", value="2")) == "cd"
    assert await find(Column(name="age", exp="lte", value="2")) == "ab"
    assert await find(Column(name="age", exp="neq", value="2")) == "acd"
    assert await find(Column(name="age", exp="in", value="1, 4,9")) == "ad"
    assert await find(Column(name="age", exp="like", value="3")) == "c"
    assert await find(Column(name="age", value="1", logic="or"), Column(name="age", value="2")) == "ab"
    mixed = [
        Column(name="age", value="1", logic="or"),
        Column(name="age", exp=">", value="1"),
        Column(name="name", value="d"),
    ]
    assert await find(*mixed) == "ad"
    assert await find(Column(name="createdAt", exp="<", value="2001-01-01T00:00:00Z")) == ""
    assert await find(Column(name="createdAt", exp=">", value="2001-01-01T00:00:00Z")) == "abcd"


@pytest.mark.parts
async def test_like_takes_every_character_for_itself(create, find):
    for name in ("50%", "50x", "a_b", "axb", "c\\d", "c/d", "it's", "Über"):
        await create(name=name)
    for part, found in (("0%", "50%"), ("a_", "a_b"), ("\\", "c\\d"), ("/", "c/d"), ("t's", "it's"), ("ber", "Über")):
        assert await find(Column(name="name", exp="like", value=part)) == found
    assert await find(Column(name="name", value="x' OR '1'='1")) == ""


@pytest.mark.parts
async def test_pages_hold_together_when_many_rows_are_equal(create, find, db):
    for name in "abcdefgh":
        await create(name=name, age=7)
    assert await find(sort="") == "hgfedcba"
    pages = [await find(page=page, limit=3, sort="age") for page in range(4)]
    assert pages == ["abc", "def", "gh", ""]
    assert [await find(page=page, limit=3, sort="-age") for page in range(3)] == ["hgf", "edc", "ba"]
    total, _ = await STORE.list(db, Params(page=9, limit=3))
    assert total == 8
    assert await find(page=2**31 - 1, limit=2**31 - 1) == ""


def test_column_names_are_sql_s():
    names = {
        "productID": "product_id",
        "createdAt": "created_at",
        "id": "id",
        "loginAt": "login_at",
        "userID": "user_id",
    }
    assert {name: column_name(name) for name in names} == names


def test_columns_are_named_to_clients_as_fields_in_the_message_s_order():
    assert client_names(pb.User, {"login_at", "name", "deleted_at"}) == "name, loginAt"


def test_parts_are_where_the_environment_says(monkeypatch):
    monkeypatch.delenv("ESHOP_TEST_STACK", raising=False)  # the env file of a stack counts more
    parts.environment.cache_clear()
    monkeypatch.setenv("ESHOP_MYSQL_HOST", "somewhere")
    assert parts.environment()["ESHOP_MYSQL_HOST"] == "somewhere"
    parts.environment.cache_clear()


@pytest.mark.parts
async def test_the_cursor_neither_doubles_nor_misses_a_row_while_rows_come_and_go(db, create):
    ids = [await create(name="x") for _ in range(7)]
    seen, total = await pages_by_cursor(db, create, [], limit=2)
    assert (seen, total) == (ids[::-1], 7)
    filtered, total = await pages_by_cursor(db, create, [Column(name="id", exp="<=", value=str(ids[-1]))], limit=3)
    assert (filtered, total) == (ids[::-1], 7)


async def pages_by_cursor(db, create, columns: list[Column], limit: int) -> tuple[list[int], int]:
    """The ids that a walk finds while a new row comes and goes before each page, and the total of its first page."""
    first_total, found = await STORE.list(db, Params(limit=limit, columns=columns))
    seen: list[int] = []
    while found:
        seen += [user.id for user in found]
        assert len(seen) < 20, "the walk comes to no end"
        newest = await create(name="came")
        _, found = await STORE.list(db, Params(limit=limit, before=seen[-1], columns=columns))
        await db.run_core(lambda tx, row_id=newest: STORE.delete(tx, row_id))
    return seen, first_total


@pytest.mark.parts
async def test_the_cursor_goes_with_the_order_of_ids_newest_first_and_with_no_other(db, create):
    first, second, third = [await create() for _ in range(3)]
    for sort in ("", "-id"):
        _, [found] = await STORE.list(db, Params(limit=1, before=third, sort=sort))
        assert found.id == second
    assert [u.id for u in (await STORE.list(db, Params(limit=1, page=1, before=third)))[1]] == [first]
    for sort in ("id", "age", "-id,age"):
        with pytest.raises(InvalidArgument, match=r"params\.before"):
            await STORE.list(db, Params(limit=1, before=third, sort=sort))


ODD_COLUMNS = {
    "name decimal(12,2) NOT NULL": ("19.90", "name", "19.90"),
    "name date NOT NULL": ("2024-05-06", "name", "2024-05-06"),
    "name time(3) NOT NULL": ("-100:00:01.5", "name", "-100:00:01.500000"),
    "name datetime(6) NOT NULL": ("2024-05-06 07:08:09.5", "name", "2024-05-06T07:08:09.500000Z"),
    "name json NOT NULL": ('{"a": 1}', "name", '{"a": 1}'),
    "name blob NOT NULL": (b"caf\xc3\xa9", "name", "café"),
    "name varbinary(9) NOT NULL": (b"\xff\xfe", "name", "//4="),
    "name bigint NOT NULL": (-7, "name", "-7"),
    "name double NOT NULL": (0.25, "name", "0.25"),
    "name year NOT NULL": (2024, "name", "2024"),
    "name set('a','b') NOT NULL": ("a,b", "name", "a,b"),
    "age decimal(12,2) NOT NULL": ("19.00", "age", 19),
    "age double NOT NULL": (19.0, "age", 19),
    "age bit(4) NOT NULL": (5, "age", 5),
    "created_at date NULL": ("2024-05-06", "createdAt", "2024-05-06T00:00:00Z"),
    "created_at timestamp(6) NULL": ("2024-05-06 07:08:09.5", "createdAt", "2024-05-06T07:08:09Z"),
}


@pytest.mark.parts
@pytest.mark.parametrize("column", ODD_COLUMNS)
async def test_a_column_of_any_type_is_shown_in_the_type_of_its_field(db, create, column):
    value, field, told = ODD_COLUMNS[column]
    async with db.engine.connect() as connection:
        await connection.exec_driver_sql(f"ALTER TABLE thing MODIFY {column}")
    # The driver cannot send bytes.
    value = sa.func.unhex(value.hex()) if isinstance(value, bytes) else value
    name = column.split()[0]
    row_id = await create(**({} if name == "created_at" else {name: value}))
    await db.run_core(lambda tx: tx.execute(sa.update(THING).values({name: value})))
    got = STORE.to_message(await db.run_core(lambda tx: STORE.get(tx, row_id)))
    assert getattr(got, field) == told
    for params in (Params(limit=1), Params(limit=1, columns=[Column(name="id", value=str(row_id))])):
        assert (await STORE.list(db, params))[1] == [got]
