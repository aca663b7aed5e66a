"""The user service: passwords are argon2id hashes that nobody gets to see, and an email belongs to one live user."""

import asyncio
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from eshop_chassis.mysql import Database, execute
from eshop_protos.types import types_pb2
from eshop_protos.user.v1 import user_pb2 as pb
from eshop_user.emails import folded
from eshop_user.passwords import MOST_WAITING, Passwords
from eshop_user.service import UserService
from eshop_user.store import UserStore
from protoc_gen_fastapi.runtime import AlreadyExists, Call, InvalidArgument, NotFound, TooMany

ANN: dict[str, Any] = {
    "name": "Ann",
    "email": "ann@example.com",
    "password": "correct horse",
    "phone": "+4912345678",
    "age": 30,
}
parts = pytest.mark.parts


@pytest.fixture
def service(db: Database) -> UserService:
    return UserService(db, UserStore(), Passwords())


async def create(service: UserService, **values: Any) -> int:
    return (await service.create(pb.CreateUserRequest(**{**ANN, **values}), Call.local())).id


async def get(service: UserService, user_id: int) -> pb.User:
    return (await service.get_by_id(pb.GetUserByIDRequest(id=user_id), Call.local())).user


async def listed(service: UserService, **params: Any) -> pb.ListUserReply:
    wanted: dict[str, Any] = {"page": 0, "limit": 10, **params}
    request = pb.ListUserRequest(params=types_pb2.Params(**wanted))
    return await service.list(request, Call.local())


async def stored_password(db: Database, user_id: int) -> str:
    async with db.engine.begin() as tx:
        return (await tx.exec_driver_sql("SELECT password FROM user WHERE id = %s", (user_id,))).scalar_one()


class TestPasswords:
    async def test_a_hash_is_argon2id_with_owasps_least_parameters(self):
        found = extract_parameters(await Passwords().hash("correct horse"))
        assert (found.type, found.memory_cost, found.time_cost, found.parallelism) == (Type.ID, 19 * 1024, 2, 1)

    async def test_a_rush_is_answered_and_what_is_beyond_the_queue_is_told_at_once(self):
        passwords = Passwords()
        rush = [passwords.hash(f"horse {number}") for number in range(MOST_WAITING + 5)]
        answers = await asyncio.gather(*rush, return_exceptions=True)
        assert [type(answer) for answer in answers] == [str] * MOST_WAITING + [TooMany] * 5
        assert isinstance(await passwords.hash("afterwards"), str)

    async def test_a_hash_verifies_its_own_password_only(self):
        hashed = await Passwords().hash("correct horse")
        assert PasswordHasher().verify(hashed, "correct horse")
        with pytest.raises(Exception, match="does not match"):
            PasswordHasher().verify(hashed, "wrong horse")

    async def test_the_same_password_never_has_the_same_hash(self):
        passwords = Passwords()
        assert await passwords.hash("x") != await passwords.hash("x")

    async def test_no_password_matches_none(self):
        assert await Passwords().hash("") == ""


@parts
class TestUsers:
    async def test_what_was_created_is_read(self, service: UserService):
        user = await get(service, await create(service))
        assert (user.name, user.email, user.phone, user.age) == ("Ann", "ann@example.com", "+4912345678", 30)
        assert user.createdAt.endswith("Z")

    async def test_the_password_is_stored_as_a_hash(self, service: UserService, db: Database):
        hashed = await stored_password(db, await create(service))
        assert hashed.startswith("$argon2id$")
        assert PasswordHasher().verify(hashed, "correct horse")

    async def test_no_call_returns_a_password(self, service: UserService):
        user_id = await create(service)
        shown = [await get(service, user_id), *(await listed(service)).users]
        assert [getattr(user, "password", "") for user in shown] == ["", ""]
        assert "argon2" not in str(shown)

    @pytest.mark.parametrize("sort", ["password", "-password"])
    async def test_no_list_can_be_sorted_by_the_password(self, service: UserService, sort: str):
        with pytest.raises(InvalidArgument, match=r"params\.sort"):
            await listed(service, sort=sort)

    async def test_no_list_can_be_filtered_by_the_password(self, service: UserService):
        column = types_pb2.Column(name="password", exp="like", value="$argon2id$")
        with pytest.raises(InvalidArgument, match=r"params\.columns\[0\]\.name"):
            await listed(service, columns=[column])

    async def test_an_email_belongs_to_one_live_user(self, service: UserService):
        await create(service)
        with pytest.raises(AlreadyExists, match="email"):
            await create(service, name="Another Ann")

    async def test_letter_case_makes_no_other_email(self, service: UserService):
        await create(service)
        with pytest.raises(AlreadyExists):
            await create(service, email="ANN@example.com")

    @pytest.mark.parametrize("other", ["änn@example.com", "😁@example.com", "ann@éxample.com", "ann@example.com\u0301"])
    async def test_nothing_but_letter_case_makes_two_emails_the_same(self, service: UserService, other: str):
        await create(service)
        await create(service, email="😀@example.com")
        await create(service, email=other)
        assert (await listed(service)).total == 3

    @pytest.mark.parametrize("exp", ["eq", "in", "like"])
    async def test_a_list_finds_an_email_letter_case_aside_and_nothing_else(self, service: UserService, exp: str):
        for email in ("Ann@example.com", "änn@example.com", "😀@example.com", "😁@example.com"):
            await create(service, email=email)
        for value, found in (("ANN@Example.com", "Ann@example.com"), ("😁@EXAMPLE.com", "😁@example.com")):
            column = types_pb2.Column(name="email", exp=exp, value=value)
            assert [user.email for user in (await listed(service, columns=[column])).users] == [found]

    async def test_names_are_the_same_letter_by_letter(self, service: UserService):
        for number, name in enumerate(("Ann", "ann", "Änn", "😀", "😁")):
            await create(service, name=name, email=f"{number}@example.com")
        for name in ("Ann", "😁"):
            for exp in ("eq", "like"):
                column = types_pb2.Column(name="name", exp=exp, value=name)
                assert [user.name for user in (await listed(service, columns=[column])).users] == [name]

    async def test_the_email_of_a_deleted_user_is_free_again(self, service: UserService):
        first = await create(service)
        await service.delete_by_id(pb.DeleteUserByIDRequest(id=first), Call.local())
        second = await create(service)
        assert second != first
        assert [user.id for user in (await listed(service)).users] == [second]
        await service.delete_by_id(pb.DeleteUserByIDRequest(id=second), Call.local())
        assert await create(service) not in (first, second)

    async def test_an_update_can_not_take_the_email_of_another_user(self, service: UserService):
        await create(service)
        bob = await create(service, email="bob@example.com")
        with pytest.raises(AlreadyExists, match="email"):
            await service.update_by_id(pb.UpdateUserByIDRequest(id=bob, email="ann@example.com"), Call.local())
        assert (await get(service, bob)).email == "bob@example.com"

    async def test_status_and_logins_are_the_server_s_and_clients_that_send_them_are_served(self, service: UserService):
        sent: dict[str, Any] = {"status": 1, "loginAt": 1_700_000_000, "loginType": 4}
        user_id = await create(service, **sent)
        await service.update_by_id(pb.UpdateUserByIDRequest(id=user_id, age=31, **sent), Call.local())
        user = await get(service, user_id)
        assert (user.status, user.loginAt, user.loginType, user.age) == (0, 0, 0, 31)

    async def test_nobody_bans_a_user_and_no_update_takes_a_ban_back(self, service: UserService, db: Database):
        with pytest.raises(InvalidArgument, match=r"^status: "):
            await create(service, status=2)
        user_id = await create(service)
        with pytest.raises(InvalidArgument, match=r"^status: "):
            await service.update_by_id(pb.UpdateUserByIDRequest(id=user_id, status=2), Call.local())
        await db.run(lambda tx: execute(tx, "UPDATE user SET status = 2"))
        for status in (0, 1, 2):
            await service.update_by_id(pb.UpdateUserByIDRequest(id=user_id, status=status), Call.local())
        assert (await get(service, user_id)).status == 2

    async def test_an_update_writes_only_what_was_sent(self, service: UserService, db: Database):
        user_id = await create(service)
        before = await stored_password(db, user_id)
        await service.update_by_id(pb.UpdateUserByIDRequest(id=user_id, age=0), Call.local())
        user = await get(service, user_id)
        assert (user.name, user.age, await stored_password(db, user_id)) == ("Ann", 0, before)

    async def test_an_update_of_the_password_stores_a_new_hash(self, service: UserService, db: Database):
        user_id = await create(service)
        await service.update_by_id(pb.UpdateUserByIDRequest(id=user_id, password="battery staple"), Call.local())
        assert PasswordHasher().verify(await stored_password(db, user_id), "battery staple")

    async def test_who_is_deleted_is_not_found_any_more(self, service: UserService):
        user_id = await create(service)
        await service.delete_by_id(pb.DeleteUserByIDRequest(id=user_id), Call.local())
        calls: Any = (
            (service.get_by_id, pb.GetUserByIDRequest(id=user_id)),
            (service.update_by_id, pb.UpdateUserByIDRequest(id=user_id, name="x")),
            (service.delete_by_id, pb.DeleteUserByIDRequest(id=user_id)),
        )
        for call, request in calls:
            with pytest.raises(NotFound, match=f"user {user_id}"):
                await call(request, Call.local())


class TestFolding:
    @pytest.mark.parametrize(
        ("one", "other"),
        [("ANN@X", "ann@x"), ("ÉMILE@x", "émile@x"), ("ΟΔΟΣ@x", "οδος@x"), ("ẞ@x", "ß@x"), ("𐐀@x", "𐐨@x")],
    )
    def test_letter_case_goes(self, one: str, other: str):
        assert folded(one) == folded(other)

    @pytest.mark.parametrize(("one", "other"), [("é@x", "e@x"), ("ß@x", "ss@x"), ("😀@x", "😁@x"), ("İ@x", "i@x")])
    def test_everything_else_stays(self, one: str, other: str):
        assert folded(one) != folded(other)
        assert len(folded(one)) == len(one)
