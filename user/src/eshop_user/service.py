"""The rpcs of the user service."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.crud import SharedLists, sent_fields
from eshop_chassis.mysql import Database
from eshop_protos.user.v1 import user_pb2 as pb
from eshop_protos.user.v1.user_api import UserApi
from eshop_user.passwords import Passwords
from eshop_user.store import UserStore
from protoc_gen_fastapi.runtime import Call, InvalidArgument, shares_replies

# Only the server sets these. Older clients send whole users, so a value is taken and not stored.
SET_HERE = frozenset({"id", "status", "loginAt", "loginType"})
BANNED = 2


class UserService(UserApi):
    """The users of the shop."""

    def __init__(self, db: Database, store: UserStore, passwords: Passwords) -> None:
        self._db = db
        self._store = store
        self._lists = SharedLists("user", db, pb.ListUserReply)
        self._passwords = passwords

    async def create(self, request: pb.CreateUserRequest, call: Call) -> pb.CreateUserReply:
        _refuse_ban(request.status, present=0)
        values = await self._values(request)
        return pb.CreateUserReply(id=await self._db.run_core(lambda tx: self._store.create(tx, values)))

    async def delete_by_id(self, request: pb.DeleteUserByIDRequest, call: Call) -> pb.DeleteUserByIDReply:
        await self._db.run_core(lambda tx: self._store.delete(tx, request.id))
        return pb.DeleteUserByIDReply()

    async def update_by_id(self, request: pb.UpdateUserByIDRequest, call: Call) -> pb.UpdateUserByIDReply:
        values = await self._values(request)
        if not values.get("password", "-"):
            del values["password"]  # clients that send every field send an empty one; it must not lock the user out
        await self._db.run_core(lambda tx: self._update(tx, request, values))
        return pb.UpdateUserByIDReply()

    async def get_by_id(self, request: pb.GetUserByIDRequest, call: Call) -> pb.GetUserByIDReply:
        row = await self._db.run_core(lambda tx: self._store.get(tx, request.id))
        return pb.GetUserByIDReply(user=self._store.to_message(row))

    @shares_replies
    async def list(self, request: pb.ListUserRequest, call: Call) -> pb.ListUserReply:
        return await self._lists(self._store.list, request.params)

    async def _update(self, tx: AsyncConnection, request: pb.UpdateUserByIDRequest, values: dict[str, Any]) -> None:
        row = await self._store.get(tx, request.id, lock=True)
        _refuse_ban(request.status, present=row.status)
        await self._store.update(tx, request.id, values)

    async def _values(self, request: pb.CreateUserRequest | pb.UpdateUserByIDRequest) -> dict[str, Any]:
        values = sent_fields(request, but=SET_HERE)
        if "password" in values:
            values["password"] = await self._passwords.hash(values["password"])
        return values


def _refuse_ban(status: int, present: int) -> None:
    if status == BANNED != present:
        raise InvalidArgument("status", "only the shop bans a user")
