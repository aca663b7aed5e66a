"""The rpcs of the user service."""

from typing import Any

from eshop_chassis.crud import SharedLists, sent_fields
from eshop_chassis.mysql import Database
from eshop_protos.user.v1 import user_pb2 as pb
from eshop_protos.user.v1.user_api import UserApi
from eshop_user.passwords import Passwords
from eshop_user.store import UserStore
from protoc_gen_fastapi.runtime import Call, shares_replies


class UserService(UserApi):
    """The users of the shop."""

    def __init__(self, db: Database, store: UserStore, passwords: Passwords) -> None:
        self._db = db
        self._store = store
        self._lists = SharedLists("user", db, pb.ListUserReply)
        self._passwords = passwords

    async def create(self, request: pb.CreateUserRequest, call: Call) -> pb.CreateUserReply:
        values = await self._values(request)
        return pb.CreateUserReply(id=await self._db.run_core(lambda tx: self._store.create(tx, values)))

    async def delete_by_id(self, request: pb.DeleteUserByIDRequest, call: Call) -> pb.DeleteUserByIDReply:
        await self._db.run_core(lambda tx: self._store.delete(tx, request.id))
        return pb.DeleteUserByIDReply()

    async def update_by_id(self, request: pb.UpdateUserByIDRequest, call: Call) -> pb.UpdateUserByIDReply:
        values = await self._values(request)
        if not values.get("password", "-"):
            del values["password"]  # clients that send every field send an empty one; it must not lock the user out
        await self._db.run_core(lambda tx: self._store.update(tx, request.id, values))
        return pb.UpdateUserByIDReply()

    async def get_by_id(self, request: pb.GetUserByIDRequest, call: Call) -> pb.GetUserByIDReply:
        row = await self._db.run_core(lambda tx: self._store.get(tx, request.id))
        return pb.GetUserByIDReply(user=self._store.to_message(row))

    @shares_replies
    async def list(self, request: pb.ListUserRequest, call: Call) -> pb.ListUserReply:
        return await self._lists(self._store.list, request.params)

    async def _values(self, request: pb.CreateUserRequest | pb.UpdateUserByIDRequest) -> dict[str, Any]:
        values = sent_fields(request)
        if "password" in values:
            values["password"] = await self._passwords.hash(values["password"])
        return values
