"""Create, read, update, delete: the same promises for all six resources."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from databases import Databases
from resources import RESOURCES, Resource
from running_stack import RunningStack
from transports import Transport, failing

NO_SUCH_ID = 2**62
each_resource = pytest.mark.parametrize("resource", RESOURCES, ids=str)


@each_resource
async def test_an_update_writes_only_the_fields_that_were_sent(resource: Resource, on: Transport) -> None:
    made = await resource.make(on)
    before = await resource.get(on, made.id)

    await on(resource.name, "UpdateByID", id=made.id, **resource.change)

    after = await resource.get(on, made.id)
    assert {**before, **resource.change, "updatedAt": ""} == {**after, "updatedAt": ""}


@each_resource
async def test_an_update_that_sends_nothing_changes_nothing(resource: Resource, on: Transport) -> None:
    made = await resource.make(on)
    before = await resource.get(on, made.id)

    await on(resource.name, "UpdateByID", id=made.id)

    assert await resource.get(on, made.id) == before


@pytest.mark.parametrize(
    ("name", "zero"), [("user", {"age": 0, "name": ""}), ("product", {"price": 0}), ("stock", {"stock": 0})]
)
async def test_a_zero_that_was_sent_is_written(name: str, zero: dict[str, int | str], on: Transport) -> None:
    resource = next(r for r in RESOURCES if r.name == name)
    made = await resource.make(on)

    await on(name, "UpdateByID", id=made.id, **zero)

    row = await resource.get(on, made.id)
    assert {**made.fields, **zero}.items() <= row.items()


@each_resource
async def test_a_deleted_row_is_gone_from_every_call_and_kept_in_the_table(
    resource: Resource, on: Transport, db: Databases
) -> None:
    made = await resource.make(on)
    await resource.retire(on, made)
    await on(resource.name, "DeleteByID", id=made.id)

    for rpc in ("GetByID", "UpdateByID", "DeleteByID"):
        with failing("NOT_FOUND"):
            await on(resource.name, rpc, id=made.id)
    assert await resource.list(on, columns=[{"name": "id", "value": str(made.id)}]) == []
    assert db.value(f"SELECT COUNT(*) AS n FROM {resource.table} WHERE id = %s", made.id) == 1  # noqa: S608


@each_resource
@pytest.mark.parametrize("rpc", ["GetByID", "UpdateByID", "DeleteByID"])
async def test_a_row_that_never_was_is_not_found(resource: Resource, rpc: str, on: Transport) -> None:
    with failing("NOT_FOUND"):
        await on(resource.name, rpc, id=NO_SUCH_ID)


@each_resource
@pytest.mark.parametrize("rpc", ["GetByID", "UpdateByID", "DeleteByID"])
async def test_the_id_zero_is_refused_by_name(resource: Resource, rpc: str, on: Transport) -> None:
    with failing("INVALID_ARGUMENT", "id"):
        await on(resource.name, rpc, id=0)


@each_resource
async def test_times_are_rfc_3339_and_true(resource: Resource, on: Transport) -> None:
    made = await resource.make(on)
    row = await resource.get(on, made.id)

    for name in ("createdAt", "updatedAt"):
        moment = datetime.fromisoformat(row[name])
        assert moment.tzinfo is not None
        assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)


async def test_the_id_in_the_body_of_a_put_does_no_harm(stack: RunningStack, over_http: Transport) -> None:
    resource = next(r for r in RESOURCES if r.name == "product")
    made, other = await resource.make(over_http), await resource.make(over_http)

    async with httpx.AsyncClient(base_url=stack.url("product"), trust_env=False) as client:
        answer = await client.put(f"/api/v1/product/{made.id}", json={"id": other.id, "price": 5, "unknown": [1]})

    assert answer.json() == {"code": 0, "msg": "ok", "data": {}}
    assert (await resource.get(over_http, made.id))["price"] == 5
    assert (await resource.get(over_http, other.id))["price"] == other.fields["price"]
