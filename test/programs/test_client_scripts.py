"""The gRPC client scripts: every rpc is a command that a person can find, call and understand."""

import asyncio
import importlib.util
import json
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import click
import pytest
from cases import branches, front_door, keeping, selling  # noqa: F401  # pyright: ignore[reportUnusedImport] - as cases
from cases.table import CASES
from catalogue import APIS, RPCS, Rpc
from click.testing import CliRunner
from databases import Databases
from google.protobuf.descriptor import Descriptor
from request_options import request_options
from rpc_script import kebab
from running_stack import RunningStack
from transports import Branch, CallError

CLIENTS = Path(__file__).parents[1] / "clients"


@lru_cache
def _main(service: str) -> click.Group:
    """By its path: in a run of all tests `stock` may also be the parent of the stock service's tests."""
    spec = importlib.util.spec_from_file_location(f"script_{service}", CLIENTS / f"{service}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


class ScriptTransport:
    """Calls rpcs by running their commands."""

    name = "script"

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack

    async def __call__(self, service: str, rpc: str, branch: Branch | None = None, /, **fields: Any) -> dict[str, Any]:
        found = RPCS[f"{service}.{rpc}"]
        metadata = [f"--metadata={key}={value}" for key, value in branch.metadata] if branch else []
        options = [*_options(found.request.DESCRIPTOR, fields), *metadata, f"--address={self._stack.grpc(service)}"]
        result = CliRunner().invoke(_main(service), [kebab(rpc), *options])
        if result.exit_code == 1:
            kind, _, message = result.stderr.strip().partition(": ")
            raise CallError(kind, message)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


def _options(message: Descriptor, fields: dict[str, Any]) -> Iterator[str]:
    """Fields as a person types them: messages spread out, lists as JSON."""
    for name, value in fields.items():
        field = message.fields_by_name[name]
        if field.message_type and not field.is_repeated:
            yield from _options(field.message_type, value)
        else:
            option = next(o for o in request_options(message) if o.name == kebab(name).replace("-", "_"))
            yield from _typed(option.opts[0], value)


def _typed(option: str, value: Any) -> Iterator[str]:
    """One option; a flag stands alone, and is left out where it is not set."""
    if isinstance(value, bool):
        yield from [option] if value else []
    else:
        yield f"{option}={json.dumps(value) if isinstance(value, list) else value}"


@pytest.mark.parametrize("key", RPCS)
async def test_every_rpc_works_from_its_script(key: str, stack: RunningStack, db: Databases) -> None:
    await CASES[key](ScriptTransport(stack), db)


@pytest.mark.parametrize("service", APIS)
def test_a_script_lists_every_rpc_with_what_it_does(service: str) -> None:
    text = CliRunner().invoke(_main(service), ["--help"]).output

    for method in APIS[service].DESCRIPTOR.methods:
        command = kebab(method.name).removeprefix(f"{kebab(method.containing_service.name)}-")
        assert f"\n  {command} " in text
    assert APIS[service].SERVICE_NAME in text


@pytest.mark.parametrize("rpc", RPCS.values(), ids=RPCS)
def test_a_command_explains_its_options(rpc: Rpc) -> None:
    result = CliRunner().invoke(_main(rpc.service), [kebab(rpc.name), "--help"])

    assert result.exit_code == 0
    for option in ("--address", "--metadata", "--timeout"):
        assert option in result.output
    for field in rpc.request.DESCRIPTOR.fields:
        if field.message_type is None:
            assert f"--{kebab(field.name)} " in result.output


def test_a_short_name_and_the_full_name_are_the_same_command() -> None:
    main = _main("stock")

    commands = {main.get_command(click.Context(main), name) for name in ("deduct", "stock-deduct", "StockDeduct")}

    assert len(commands) == 1
    assert None not in commands


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["deduct", "--product-id", "1"], "--product-count"),
        (["deduct", "--product-id", "one", "--product-count", "1"], "--product-id"),
        (["deduct", "--product-id", "-1", "--product-count", "1"], "productID"),
        (["deduct", "--product-id", "1", "--product-count", "1", "--metadata", "gid"], "--metadata"),
        (["list", "--limit", "1", "--columns", "{"], "--columns"),
        (["list", "--limit", "1", "--columns", '[{"nam": "id"}]'], "nam"),
    ],
)
def test_a_mistake_is_explained_before_anything_is_sent(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(_main("stock"), arguments)

    assert result.exit_code == 2
    assert told in result.stderr


def test_an_absent_service_is_an_error_on_stderr() -> None:
    result = CliRunner().invoke(_main("stock"), ["list", "--limit", "1", "--address", "127.0.0.1:1", "--timeout", "2"])

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(("UNAVAILABLE: ", "DEADLINE_EXCEEDED: "))


async def test_the_scripts_find_their_stack_by_its_port_variables(stack: RunningStack) -> None:
    """Each script once as a program of its own, called with an id that is not there."""
    others = {"gw": "get-outcome --order-id x", "flash_sale": "redis-query-prepared"}
    expected = {"flash_sale": "INVALID_ARGUMENT"}

    async def run(service: str) -> None:
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            str(CLIENTS / f"{service}.py"),
            *others.get(service, f"get-by-id --id {2**60}").split(),
            env=stack.port_variables(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, error = await program.communicate()
        assert (program.returncode, out) == (1, b"")
        assert error.decode().startswith(f"{expected.get(service, 'NOT_FOUND')}: ")

    await asyncio.gather(*(run(service) for service in APIS))
