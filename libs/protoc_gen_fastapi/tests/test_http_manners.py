"""HEAD, and bodies that are compressed."""

import gzip

import httpx
import pytest

from .conftest import Zoo

PATHS = [
    "/zoo/hours",
    "/zoo/cats",
    "/zoo/cats/animals?limit=1",
    "/zoo/cats/animals?limit=0",
    "/openapi.json",
    "/nothing",
]


@pytest.mark.parametrize("path", PATHS)
async def test_head_answers_as_get_does(http: httpx.AsyncClient, path: str):
    head, get = await http.head(path), await http.get(path)
    assert head.status_code == get.status_code
    assert (head.headers["content-length"], head.headers["content-type"]) == (
        get.headers["content-length"],
        get.headers["content-type"],
    )


async def test_head_of_what_can_only_be_posted_is_refused(http: httpx.AsyncClient):
    refused = await http.head("/zoo/count")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


async def test_a_compressed_body_is_refused_as_such(http: httpx.AsyncClient, zoo: Zoo):
    for encoding in ("gzip", "br", "identity, gzip"):
        response = await http.post("/zoo/count", content=gzip.compress(b"{}"), headers={"content-encoding": encoding})
        assert (response.status_code, response.json()["code"]) == (415, 10001)
        assert "Content-Encoding" in response.json()["msg"]
    assert zoo.requests == []


async def test_a_body_that_says_it_is_not_compressed_is_taken(http: httpx.AsyncClient):
    response = await http.post("/zoo/count", content=b"{}", headers={"content-encoding": "identity"})
    assert response.status_code == 200
