"""What every gRPC port serves beside its rpcs: health by service name, and reflection."""

from typing import Any

import grpc
import grpc.aio
import pytest
from catalogue import APIS
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from running_stack import RunningStack


@pytest.mark.parametrize("service", APIS)
async def test_health_is_told_by_service_name(stack: RunningStack, service: str) -> None:
    async with grpc.aio.insecure_channel(stack.grpc(service)) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", APIS[service].SERVICE_NAME):
            reply = await health.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
            assert reply.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("service", APIS)
async def test_reflection_names_the_service(stack: RunningStack, service: str) -> None:
    async with grpc.aio.insecure_channel(stack.grpc(service)) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub
        reflection = stub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        async for reply in reflection.ServerReflectionInfo(iter([request]), timeout=5):
            names = {listed.name for listed in reply.list_services_response.service}
            assert APIS[service].SERVICE_NAME in names
            break


@pytest.mark.parametrize("service", APIS)
async def test_an_unknown_rpc_is_unimplemented(stack: RunningStack, service: str) -> None:
    async with grpc.aio.insecure_channel(stack.grpc(service)) as channel:
        method = channel.unary_unary(f"/{APIS[service].SERVICE_NAME}/Nothing")
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await method(b"", timeout=5)
    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
