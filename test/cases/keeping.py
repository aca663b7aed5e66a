"""Cases of the rpcs that keep rows: made, read, changed, listed, deleted."""

from cases.table import CASES, Case
from databases import Databases
from resources import RESOURCES, Resource
from transports import Transport


def _creates(resource: Resource) -> Case:
    async def body(on: Transport, db: Databases) -> None:
        made = await resource.make(on)
        assert db.rows(f"SELECT id FROM {resource.table} WHERE id = %s", made.id)  # noqa: S608 - a constant

    return body


def _reads(resource: Resource) -> Case:
    async def body(on: Transport, _db: Databases) -> None:
        made = await resource.make(on)
        row = await resource.get(on, made.id)
        assert {name: row[name] for name in made.fields} == made.fields
        assert row["id"] == made.id

    return body


def _changes(resource: Resource) -> Case:
    async def body(on: Transport, _db: Databases) -> None:
        made = await resource.make(on)
        assert await on(resource.name, "UpdateByID", id=made.id, **resource.change) == {}
        row = await resource.get(on, made.id)
        expected = {**made.fields, **resource.change}
        assert {name: row[name] for name in expected} == expected

    return body


def _lists(resource: Resource) -> Case:
    async def body(on: Transport, _db: Databases) -> None:
        made = await resource.make(on)
        columns = [{"name": "id", "value": str(made.id)}]
        reply = await on(resource.name, "List", params={"limit": 10, "columns": columns})
        assert reply["total"] == 1
        assert reply[resource.rows] == [await resource.get(on, made.id)]

    return body


def _deletes(resource: Resource) -> Case:
    async def body(on: Transport, db: Databases) -> None:
        made = await resource.make(on)
        await resource.retire(on, made)
        assert await on(resource.name, "DeleteByID", id=made.id) == {}
        sql = f"SELECT deleted_at FROM {resource.table} WHERE id = %s"  # noqa: S608 - a constant
        assert db.value(sql, made.id) is not None

    return body


for _resource in RESOURCES:
    CASES[f"{_resource.name}.GetByID"] = _reads(_resource)
    CASES[f"{_resource.name}.UpdateByID"] = _changes(_resource)
    CASES[f"{_resource.name}.List"] = _lists(_resource)
    CASES[f"{_resource.name}.DeleteByID"] = _deletes(_resource)
    if _resource.name not in ("order", "pay"):  # there Create is a branch
        CASES[f"{_resource.name}.Create"] = _creates(_resource)
