"""The SQL of the user service. Every method is given a transaction and never commits."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from eshop_chassis.crud import CrudStore, table_of
from eshop_protos.user.v1 import user_pb2
from eshop_user.emails import folded

USER = table_of("user", user_pb2.User, sa.Column("email_folded", sa.String))


class UserStore(CrudStore[user_pb2.User]):
    """The users. No read returns a password, no list can filter or sort by it; e-mails are equal letter case aside."""

    def __init__(self) -> None:
        super().__init__(
            USER, user_pb2.User, "user", hidden=frozenset({"password"}), folded={"email": ("email_folded", folded)}
        )

    async def create(self, tx: AsyncConnection, values: Mapping[str, Any]) -> int:
        """Inserts a user and returns the id. Raises as the CRUD does, AlreadyExists where the e-mail is taken."""
        return await super().create(tx, _with_folded(values))

    async def update(self, tx: AsyncConnection, row_id: int, values: Mapping[str, Any]) -> None:
        """Writes `values` into the user's row. Raises as `create` does, and NotFound."""
        await super().update(tx, row_id, _with_folded(values))


def _with_folded(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**values, "email_folded": folded(values["email"])} if "email" in values else values
