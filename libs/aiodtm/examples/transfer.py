"""Moves money from Ann to Bob, then more than she has: a saga of two branches with undos, each behind the barrier."""

# ruff: noqa: T201

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import grpc
import grpc.aio
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from aiodtm import Barrier, BranchRefused, Dtm, Outcome, Step, branch_status, open_dtm, random_gid
from aiodtm.mysql import BARRIER_SCHEMA, MySQLBarriers

MYSQL = os.environ.get("MYSQL_URL", "mysql+aiomysql://root:123456@127.0.0.1:3306")
DTM_GRPC, DTM_HTTP = os.environ.get("DTM_GRPC", "127.0.0.1:36790"), os.environ.get("DTM_HTTP", "127.0.0.1:36789")

SCHEMA = """
    CREATE DATABASE IF NOT EXISTS aiodtm_bank;
    CREATE TABLE IF NOT EXISTS aiodtm_bank.account (name VARCHAR(20) PRIMARY KEY, cents INT NOT NULL);
    REPLACE INTO aiodtm_bank.account (name, cents) VALUES ('ann', 100), ('bob', 0)
"""
TAKE = "UPDATE aiodtm_bank.account SET cents = cents - %(cents)s WHERE name = %(from)s AND cents >= %(cents)s"
TAKE_BACK = "UPDATE aiodtm_bank.account SET cents = cents + %(cents)s WHERE name = %(from)s"
GIVE = "UPDATE aiodtm_bank.account SET cents = cents + %(cents)s WHERE name = %(to)s"
GIVE_BACK = "UPDATE aiodtm_bank.account SET cents = cents - %(cents)s WHERE name = %(to)s"


def branch(barriers: MySQLBarriers, sql: str) -> "grpc.RpcMethodHandler[bytes, bytes]":
    """A branch is one guarded write, and an answer that DTM understands."""

    async def answer(payload: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        async def work(tx: AsyncConnection) -> None:
            if not (await tx.exec_driver_sql(sql, json.loads(payload))).rowcount:
                raise BranchRefused("NOT_ENOUGH_MONEY")

        try:
            metadata = {str(k): str(v) for k, v in context.invocation_metadata() or ()}
            await barriers.once(Barrier.from_metadata(metadata), work)
        except Exception as error:
            await context.abort(*branch_status(error))
        return b""

    return grpc.unary_unary_rpc_method_handler(answer)


@asynccontextmanager
async def open_bank(engine: AsyncEngine) -> AsyncGenerator[str]:
    """A gRPC server with four branches. Yields its address."""
    methods = {"Take": TAKE, "TakeBack": TAKE_BACK, "Give": GIVE, "GiveBack": GIVE_BACK}
    handlers = {name: branch(MySQLBarriers(engine), sql) for name, sql in methods.items()}
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bank.v1.Bank", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}/bank.v1.Bank"
    await server.stop(None)


async def transfer(dtm: Dtm, bank: str, cents: int) -> Outcome:
    payload = json.dumps({"from": "ann", "to": "bob", "cents": cents}).encode()
    saga = dtm.saga(random_gid(), fresh=True)
    saga.step(Step(action=f"{bank}/Give", undo=f"{bank}/GiveBack", payload=payload))
    saga.step(Step(action=f"{bank}/Take", undo=f"{bank}/TakeBack", payload=payload))
    return await saga.submit()


async def main() -> None:
    engine = create_async_engine(MYSQL, isolation_level="READ COMMITTED", pool_reset_on_return=None)
    async with engine.begin() as tx:
        await tx.exec_driver_sql("SET sql_notes = 0")
        for statement in f"{BARRIER_SCHEMA}{SCHEMA}".split(";"):
            if statement.strip():
                await tx.exec_driver_sql(statement)
    async with open_dtm(DTM_GRPC, DTM_HTTP) as dtm, open_bank(engine) as bank:
        for cents in (30, 500):
            outcome = await transfer(dtm, bank, cents)
            print(f"{cents} cents: {outcome.reason or outcome.status}")
    async with engine.begin() as tx:
        print((await tx.exec_driver_sql("SELECT name, cents FROM aiodtm_bank.account ORDER BY name")).all())
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
