"""Builds a command line from a gRPC service: every rpc a subcommand, every field of its request a typed option.

Names, types and help texts come from the generated code; the scripts beside this file are one call each.
"""

import json
import os
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import click
import grpc
from as_json import as_json
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from request_options import request_fields, request_options


def script(api: ModuleType, *, port: str, default_port: int) -> click.Group:
    """The command line of the service in a generated module; `port` names the environment variable of its gRPC port."""
    address = f"127.0.0.1:{os.environ.get(port, default_port)}"
    texts = _texts(api)
    about = f"Calls {api.SERVICE_NAME} over gRPC and prints the reply as JSON."
    group = _Service(help=f"{_api_class(api).__doc__}\n\n{about}")
    for method in api.DESCRIPTOR.methods:
        group.add_command(_command(method, texts[method.name], address))
    return group


class _Service(click.Group):
    """Takes the rpc's full name too: StockDeduct is `deduct`, and `stock-deduct` or `StockDeduct` as well."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of the proto

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        wanted = kebab(cmd_name)
        for name, command in self.commands.items():
            if wanted in (name, kebab(command.rpc_name)):  # type: ignore[attr-defined] - all are _Rpc
                return command
        return None


class _Rpc(click.Command):
    rpc_name: str


def _command(method: MethodDescriptor, text: str, address: str) -> click.Command:
    command = _Rpc(
        _short_name(method),
        callback=lambda **options: _run(method, options),
        params=[*request_options(method.input_type), *_call_options(address)],
        help=text,
    )
    command.rpc_name = method.name
    return command


def _call_options(address: str) -> list[click.Parameter]:
    return [
        click.Option(["--address"], default=address, show_default=True, help="host:port of the service."),
        click.Option(
            ["--metadata"], multiple=True, metavar="KEY=VALUE", help="Metadata of the call, as dtm-gid=g1; repeatable."
        ),
        click.Option(["--timeout"], type=float, default=10.0, show_default=True, help="Deadline in seconds."),
    ]


def _run(method: MethodDescriptor, options: dict[str, Any]) -> None:
    address, metadata, timeout = (options.pop(name) for name in ("address", "metadata", "timeout"))
    pairs = tuple(_pairs(metadata))
    request = _request(method.input_type, options)
    try:
        reply = _call(address, method, request, pairs, timeout)
    except grpc.RpcError as error:
        click.echo(f"{error.code().name}: {error.details()}", err=True)
        raise SystemExit(1) from None
    click.echo(json.dumps(as_json(reply), indent=2, ensure_ascii=False))


def _call(
    address: str, method: MethodDescriptor, request: Message, metadata: tuple[tuple[str, str], ...], timeout: float
) -> Message:
    path = f"/{method.containing_service.full_name}/{method.name}"
    with grpc.insecure_channel(address) as channel:
        rpc = channel.unary_unary(
            path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return rpc(request, metadata=metadata, timeout=timeout)


def _request(descriptor: Descriptor, options: dict[str, Any]) -> Message:
    values = request_fields(descriptor, options)
    try:
        return ParseDict(values, GetMessageClass(descriptor)())
    except ParseError as error:
        raise click.UsageError(str(error)) from None


def _pairs(metadata: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for pair in metadata:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint="--metadata")
        yield key.lower(), value


def _short_name(method: MethodDescriptor) -> str:
    """The rpc's name without its service's: StockDeduct of the stock service is `deduct`."""
    service, name = kebab(method.containing_service.name), kebab(method.name)
    return name.removeprefix(f"{service}-")


def kebab(name: str) -> str:
    """GetByID and getByID -> get-by-id."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).replace("_", "-").lower()


def _api_class(api: ModuleType) -> type:
    return next(value for name, value in vars(api).items() if name.endswith("Api"))


def _texts(api: ModuleType) -> dict[str, str]:
    """What the proto says about each rpc."""
    methods = (m for m in vars(_api_class(api)).values() if hasattr(m, "__rpc_path__"))
    return {m.__rpc_path__.rpartition("/")[2]: m.__doc__ or "" for m in methods}
