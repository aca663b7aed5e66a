"""Deep pages that are walked to from a landmark: the ones that a walk from the front finds, whatever has changed."""

import asyncio
import random
from typing import Any

import pytest
from chassis_trial import parts

from eshop_chassis.crud import pages
from eshop_chassis.crud.store import CrudStore, table_of
from eshop_chassis.mysql import landmarks, row_counts
from eshop_chassis.mysql.database import execute, fetch, open_mysql
from eshop_protos.types.types_pb2 import Params
from eshop_protos.user.v1 import user_pb2 as pb

pytestmark = pytest.mark.parts
STORE = CrudStore(table_of("thing", pb.User), pb.User, "user")
ROWS = 2000


@pytest.fixture(autouse=True)
def close_together(monkeypatch):
    """Landmarks every 64 ids, made at once, for pages from row 20 on."""
    monkeypatch.setattr(landmarks, "RANGE", 64)
    monkeypatch.setattr(landmarks, "MOST_BEHIND", 256)
    monkeypatch.setattr(landmarks, "PAUSE", 0)
    monkeypatch.setattr(pages, "DEEP", 20)


@pytest.fixture
def held(monkeypatch) -> list[bool]:
    """What landmarks were asked, page by page: whether they held."""
    answers: list[bool] = []
    holds = landmarks.Known.holds

    def noted(self, *found):
        answers.append(holds(self, *found))
        return answers[-1]

    monkeypatch.setattr(landmarks.Known, "holds", noted)
    return answers


async def add(db, ids) -> None:
    rows = [(n, f"{n}@x", n) for n in ids]

    async def insert(tx):
        row_counts.note_shown(
            tx, "thing", await execute(tx, "INSERT INTO thing (id, email, login_at) VALUES (%s, %s, %s)", rows)
        )

    await db.run(insert)


async def hide(db, row_id: int) -> None:
    await db.run_core(lambda tx: STORE.delete(tx, row_id))


async def show(db, row_id: int) -> None:
    async def work(tx):
        sql = "UPDATE thing SET deleted_at = NULL WHERE id = %s AND deleted_at IS NOT NULL"
        row_counts.note_moved(tx, "thing", await execute(tx, sql, (row_id,)))

    await db.run(work)


async def shown(db) -> list[int]:
    rows = await db.run(lambda tx: fetch(tx, "SELECT id FROM thing WHERE deleted_at IS NULL ORDER BY id"))
    return [row[0] for row in rows]


async def agree(db, page: int, limit: int = 10, sort: str = "-id") -> None:
    ids = await shown(db)
    total, found = await STORE.list(db, Params(page=page, limit=limit, sort=sort))
    expected = ids if sort == "id" else ids[::-1]
    assert (total, [user.id for user in found]) == (len(ids), expected[page * limit : (page + 1) * limit])


@pytest.mark.parametrize("sort", ["id", "-id"])
async def test_every_page_is_the_one_that_a_walk_finds(db, held, sort):
    await add(db, (n for n in range(1, ROWS) if n % 7 and not 500 < n < 800))
    for page in range(0, 150, 3):
        await agree(db, page, sort=sort)
        await agree(db, page, limit=13, sort=sort)
    assert held.count(True) > 50
    assert False not in held


async def test_a_row_that_goes_and_one_that_comes_back_are_noticed_though_the_total_is_the_same(db, held):
    await add(db, range(1, ROWS))
    await hide(db, 100)
    await agree(db, 100)
    await hide(db, 1900)
    await show(db, 100)
    for page in (5, 100, 150):
        await agree(db, page)
    assert False in held, "the first page after it had to notice"
    assert held[-1], "and new landmarks were made"


async def test_a_row_that_comes_late_with_an_id_among_the_old_ones_is_noticed(db, held):
    await add(db, (n for n in range(1, ROWS) if n != 700))
    await agree(db, 100)
    await add(db, [700])
    await agree(db, 100)
    await agree(db, 150)
    assert False in held


async def test_a_table_that_grows_gets_more_landmarks_without_being_counted_again(db, held, monkeypatch):
    await add(db, range(1, ROWS))
    await agree(db, 100)
    asked = []
    survey = landmarks.Landmarks._counted

    async def noted(self, read, known):
        asked.append(known.edge if known else 0)
        return await survey(self, read, known)

    monkeypatch.setattr(landmarks.Landmarks, "_counted", noted)
    await add(db, range(ROWS, 2 * ROWS))
    for page in (50, 200, 300):
        await agree(db, page)
    assert asked
    assert min(asked) > ROWS - 256
    assert False not in held


async def test_a_table_that_is_emptied_and_filled_again_has_new_ones(db):
    await add(db, range(1, ROWS))
    await agree(db, 100)
    for count in (0, 300, ROWS):
        await db.run(lambda tx: execute(tx, "DELETE FROM thing"))
        await db.run(lambda tx: execute(tx, "UPDATE shown_rows SET shown = 0 WHERE table_name = 'thing'"))
        await add(db, range(5000, 5000 + count))
        for page in (3, 15, 100):
            await agree(db, page)


async def test_without_a_total_there_are_none(db, held):
    await add(db, range(1, 500))
    await db.run(lambda tx: execute(tx, "DELETE FROM shown_rows"))
    await agree(db, 25)
    assert True not in held


async def test_landmarks_that_never_hold_for_long_are_made_seldom(db, monkeypatch):
    monkeypatch.setattr(landmarks, "PAUSE", 1e6)
    await add(db, range(1, ROWS))
    surveys = []
    survey = landmarks.Landmarks._survey

    async def noted(self, read):
        surveys.append(1)
        await survey(self, read)

    monkeypatch.setattr(landmarks.Landmarks, "_survey", noted)
    for n in range(1, 20):
        await hide(db, n)
        await agree(db, 100)
    assert len(surveys) == 1


@pytest.mark.parametrize("seed", range(4))
async def test_pages_are_right_whatever_has_happened_before(db, held, seed):
    rng = random.Random(seed)  # noqa: S311 - not a secret
    await add(db, range(2, ROWS, 2))
    hidden: list[int] = []
    newest, odd = ROWS, list(range(1, ROWS, 2))
    for _ in range(60):
        what = rng.choice(("add", "late", "hide", "show", "page", "page"))
        if what == "add":
            count = rng.choice((1, 50, 400))
            await add(db, range(newest, newest + count))
            newest += count
        elif what == "late":
            await add(db, [odd.pop(rng.randrange(len(odd)))])
        elif what == "hide":
            hidden.append(rng.choice(await shown(db)))
            await hide(db, hidden[-1])
        elif what == "show" and hidden:
            await show(db, hidden.pop())
        await agree(db, rng.randrange(3, 100), sort=rng.choice(("id", "-id")))
    assert {True, False} <= set(held), "some held, and some had to be noticed"


async def test_a_database_that_is_closed_ends_a_survey(database_name):
    async with open_mysql(parts.mysql(), database_name, "chassis_trial", ["thing"]) as db:
        await db.check()
        asked = asyncio.Event()

        async def read(*_: Any) -> Any:
            asked.set()
            await asyncio.Event().wait()

        asking = asyncio.create_task(db.landmarks("thing").of(read, ROWS))
        await asked.wait()
    assert await asyncio.wait_for(asking, 30) is None


async def test_a_page_is_right_while_rows_come_and_others_go_and_come_back(db):
    """Rows 1 to 9 go and come back, so that each page is one of ten; everything behind them stays."""
    await add(db, range(1, ROWS))
    stop = asyncio.Event()

    async def flicker() -> None:
        while not stop.is_set():
            for n in range(1, 10):
                await hide(db, n)
            for n in range(1, 10):
                await show(db, n)

    async def grow() -> None:
        number = ROWS
        while not stop.is_set():
            await add(db, range(number, number + 3))
            number += 3

    writers = [asyncio.create_task(flicker()), asyncio.create_task(grow())]
    for _ in range(80):
        total, found = await STORE.list(db, Params(page=100, limit=10, sort="id"))
        ids = [user.id for user in found]
        assert ids == list(range(ids[0], ids[0] + 10))
        assert 1001 <= ids[0] <= 1010
        assert total >= ROWS - 10
    stop.set()
    await asyncio.gather(*writers)
