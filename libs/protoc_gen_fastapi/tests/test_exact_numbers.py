"""A whole number is taken as it was written, or refused; what JavaScript would round can be had as text."""

from types import ModuleType
from typing import Any

import httpx
import pytest

from .conftest import Zoo

ANIMAL = '"name":"Lion","favourite":{"name":"hay"},"weight":190.5'
WIDE = 9007199254740993
TEXT = {"accept": "application/json;int64=string"}


async def buy(http: httpx.AsyncClient, chip: str, *more: str) -> httpx.Response:
    body = ",".join((ANIMAL, f'"chip":{chip}', *more))
    return await http.post("/zoo/animals", content="{" + body + "}")


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("9007199254740993.0", WIDE),
        ("900719925474099.3e1", WIDE),
        ("18446744073709551615.000", 2**64 - 1),
        ("1e3", 1000),
        ("7.0", 7),
        ("-0.0", 0),
        (f'"{WIDE}"', WIDE),
    ],
)
async def test_a_whole_number_with_a_point_is_exact(http: httpx.AsyncClient, zoo: Zoo, written: str, number: int):
    response = await buy(http, written)
    assert response.status_code == 200, response.text
    assert zoo.requests[0].chip == number


@pytest.mark.parametrize(
    "written",
    [
        "99.99999999999999999999",
        "9007199254740991.4",
        "1e-400",
        "1e400",
        "1e999999999",
        "18446744073709551616",
        "18446744073709551615.1",
        "9" * 5000,
        "1." + "0" * 5000 + "1",
    ],
)
async def test_a_number_that_would_be_rounded_is_refused(http: httpx.AsyncClient, zoo: Zoo, written: str):
    response = await buy(http, written)
    assert (response.status_code, response.json()["code"]) == (400, 10001)
    assert zoo.requests == []


async def test_what_else_is_wrong_is_told_as_ever(http: httpx.AsyncClient):
    assert (await buy(http, "7.0", '"nicknames":[1.5]')).json()["msg"] == "nicknames[0]: must be a string"
    assert (await buy(http, "7.5")).json()["msg"] == "chip: must be a whole number"


async def test_query_and_path_stay_above_a_body_that_is_read_twice(http: httpx.AsyncClient, zoo: Zoo):
    await http.put("/zoo/animals/5", params={"age": "6"}, content=b'{"age": 7.0, "id": 8}')
    assert (zoo.requests[0].id, zoo.requests[0].age) == (5, 6)


async def test_wide_integers_of_a_reply_are_text_where_that_is_asked_for(
    http: httpx.AsyncClient, zoo: Zoo, pb: ModuleType
):
    animal = pb.Animal(name="Lion", chip=WIDE, water=-1, floor=3, weight=1.5)
    zoo.answers["buy_animal"] = pb.BuyAnimalReply(id=WIDE, animal=animal, cages=[1], others=[animal])
    numbers = (await buy(http, "1")).json()["data"]
    response = await http.post("/zoo/animals", content="{" + ANIMAL + "}", headers=TEXT)
    texts: dict[str, Any] = response.json()["data"]
    assert (numbers["id"], numbers["animal"]["chip"]) == (WIDE, WIDE)
    assert (texts["id"], texts["animal"]["chip"], texts["animal"]["water"]) == (str(WIDE), str(WIDE), "-1")
    assert texts["others"][0]["chip"] == str(WIDE)
    assert (texts["animal"]["floor"], texts["cages"], texts["animal"]["weight"], texts["note"]) == (3, [1], 1.5, None)
    assert response.json()["code"] == 0


def test_openapi_names_the_format_of_integers(app: Any):
    schemas = app.openapi()["components"]["schemas"]
    request, reply = schemas["Animal"]["properties"], schemas["AnimalReply"]["properties"]
    assert [request[name]["format"] for name in ("water", "chip", "floor")] == ["int64", "uint64", "int32"]
    assert [reply[name]["format"] for name in ("water", "chip", "floor")] == ["int64", "uint64", "int32"]
    in_path = app.openapi()["paths"]["/zoo/animals/{id}"]["put"]["parameters"][0]["schema"]
    assert in_path["format"] == "uint64"
