"""The SQL of the user service. Every method is given a transaction and never commits."""

from eshop_chassis.crud import CrudStore, table_of
from eshop_protos.user.v1 import user_pb2

USER = table_of("user", user_pb2.User)


class UserStore(CrudStore[user_pb2.User]):
    """The users. No read returns a password, no list can filter or sort by it."""

    def __init__(self) -> None:
        super().__init__(USER, user_pb2.User, "user", hidden=frozenset({"password"}))
