"""Lists: what a client may ask for, and what is refused before SQL is built. What the SQL finds: test_crud.py."""

from typing import Any

import pytest

from eshop_chassis.crud.filters import Listing
from eshop_chassis.crud.store import CrudStore, table_of
from eshop_protos.types.types_pb2 import Column, Params
from eshop_protos.user.v1 import user_pb2
from protoc_gen_fastapi.runtime import InvalidArgument

USERS = CrudStore(table_of("thing", user_pb2.User), user_pb2.User, "user", hidden=frozenset({"password"}))


def sql(*columns: Column, page: int = 0, limit: int = 10, sort: str = "") -> str:
    params = Params(page=page, limit=limit, sort=sort, columns=columns)
    listing: Listing = USERS._listing
    rows, _ = listing.statements(params)
    return " ".join(str(rows.compile(compile_kwargs={"literal_binds": True})).split())


def where(*columns: Column) -> str:
    text = sql(*columns).partition(" WHERE thing.deleted_at IS NULL")[2]
    return text.partition(" ORDER BY")[0].removeprefix(" AND ").replace("thing.", "")


def refused(*columns: Column, **params: Any) -> str:
    with pytest.raises(InvalidArgument) as error:
        sql(*columns, **params)
    return str(error.value)


@pytest.mark.parametrize(
    ("exp", "operator"),
    [
        *(("", "="), ("eq", "="), ("=", "="), ("neq", "!="), ("!=", "!=")),
        *(("gt", ">"), (">", ">"), ("gte", ">="), (">=", ">="), (" GTE ", ">=")),
        *(("lt", "<"), ("<", "<"), ("lte", "<="), ("<=", "<=")),
    ],
)
def test_every_comparison(exp, operator):
    assert where(Column(name="age", exp=exp, value="7")) == f"age {operator} 7"


def test_in_and_like():
    assert where(Column(name="age", exp="in", value="1, 2,3")) == "age IN (1, 2, 3)"
    like = where(Column(name="name", exp="like", value="50%_/"))
    assert "'50/%/_//'" in like
    assert "ESCAPE '/'" in like


def test_columns_go_by_their_json_names_and_by_their_sql_names():
    assert where(Column(name="loginAt", value="1")) == where(Column(name="login_at", value="1")) == "login_at = 1"
    assert sql(sort="loginAt") == sql(sort="login_at")


@pytest.mark.parametrize("logic", ["or", "|", "||", "OR", " or "])
def test_and_binds_closer_than_or_as_in_sql(logic):
    columns = [
        Column(name="age", value="1", logic=logic),
        Column(name="age", value="2", logic="&&"),
        Column(name="age", value="3", logic=logic),
        Column(name="age", value="4", logic="or"),  # of the last column it says nothing
    ]
    assert where(*columns).strip("()") == "age = 1 OR age = 2 AND age = 3 OR age = 4"


def test_conditions_are_joined_by_and_unless_told_otherwise():
    columns = [Column(name="age", value="1"), Column(name="age", value="2", logic="&"), Column(name="age", value="3")]
    assert where(*columns) == "age = 1 AND age = 2 AND age = 3"


def test_a_condition_can_t_reach_beyond_what_is_visible():
    text = sql(Column(name="age", value="1", logic="or"), Column(name="age", value="2"))
    assert "WHERE thing.deleted_at IS NULL AND (thing.age = 1 OR thing.age = 2)" in text


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", "id DESC"),
        ("id", "id ASC"),
        ("-id", "id DESC"),
        ("-age,name", "age DESC, name ASC, id ASC"),
        (" name , -age ", "name ASC, age DESC, id DESC"),
        ("name,id,age", "name ASC, id ASC, age ASC"),
    ],
)
def test_sorting_goes_by_several_columns_and_then_by_id(sort, order):
    assert sql(sort=sort).partition("ORDER BY ")[2].partition(" LIMIT")[0].replace("thing.", "") == order


def test_pages_start_at_0_and_hold_1000_rows_at_most():
    assert sql(page=3, limit=10).endswith("LIMIT 10 OFFSET 30")
    assert sql(page=2, limit=10**9).endswith("LIMIT 1000 OFFSET 2000")
    assert sql(page=2**31 - 1, limit=2**31 - 1).endswith("LIMIT 1000 OFFSET 2147483647000")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"page": -1}, "params.page"),
        ({"limit": 0}, "params.limit"),
        ({"limit": -5}, "params.limit"),
        ({"sort": "nonsense"}, "params.sort"),
        ({"sort": "id;DROP TABLE user"}, "params.sort"),
        ({"sort": "id,,age"}, "params.sort"),
        ({"sort": "--id"}, "params.sort"),
        ({"sort": "password"}, "params.sort"),
        ({"sort": "-password"}, "params.sort"),
        ({"sort": "deleted_at"}, "params.sort"),
        ({"sort": ",".join(["age"] * 21)}, "params.sort"),
    ],
)
def test_a_bad_page_or_order_is_refused_by_name(params, field):
    assert refused(**params).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("column", "field"),
    [
        (Column(name="", value="1"), "name"),
        (Column(name="nonsense", value="1"), "name"),
        (Column(name="1=1 OR id", value="1"), "name"),
        (Column(name="password", exp="like", value="$argon2"), "name"),
        (Column(name="deleted_at", exp="neq", value=""), "name"),
        (Column(name="age", exp="between", value="1"), "exp"),
        (Column(name="age", exp="= 1 OR", value="1"), "exp"),
        (Column(name="age", value="1", logic="xor"), "logic"),
        (Column(name="age", value="old"), "value"),
        (Column(name="age", value=""), "value"),
        (Column(name="age", value="1.5"), "value"),
        (Column(name="age", value="1_000"), "value"),
        (Column(name="age", value="\u0661"), "value"),
        (Column(name="age", value="18446744073709551616"), "value"),
        (Column(name="age", value="-9223372036854775809"), "value"),
        (Column(name="age", value="9" * 5000), "value"),
        (Column(name="age", exp="in", value="1,x"), "value"),
        (Column(name="age", exp="in", value=",".join(["1"] * 1001)), "value"),
        (Column(name="createdAt", exp="gt", value="yesterday"), "value"),
        (Column(name="createdAt", exp="gt", value="0001-01-01T00:00:00+23:59"), "value"),
    ],
)
def test_a_bad_filter_is_refused_by_name(column, field):
    told = refused(Column(name="age", value="1"), column)
    assert told.startswith(f"params.columns[1].{field}: ")
    assert len(told) < 400


def test_the_ends_of_64_bits_are_fine():
    assert where(Column(name="loginAt", value=str(2**64 - 1))) == "login_at = 18446744073709551615"
    assert where(Column(name="loginAt", value=str(-(2**63)))) == "login_at = -9223372036854775808"


def test_too_many_conditions_are_refused():
    assert refused(*[Column(name="age", value="1")] * 101).startswith("params.columns: ")


def test_the_refusal_of_an_unknown_column_names_the_known_ones_and_not_the_hidden_one():
    told = refused(sort="nonsense")
    assert "loginAt" in told
    assert "password" not in told


@pytest.mark.parametrize("value", ["2024-05-06T07:08:09Z", "2024-05-06T09:08:09+02:00", "2024-05-06 07:08:09"])
def test_times_are_rfc_3339_and_compared_in_utc(value):
    params = Params(limit=1, columns=[Column(name="created_at", exp=">=", value=value)])
    rows, _ = USERS._listing.statements(params)
    assert "2024-05-06 07:08:09" in {str(v) for v in rows.compile().params.values()}
