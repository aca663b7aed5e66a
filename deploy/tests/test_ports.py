from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest

from eshop_deploy import ports
from eshop_deploy.failures import PortTaken
from eshop_deploy.part import Part
from eshop_deploy.ports import clash, is_free, require_free
from eshop_deploy.settings import read_settings


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield int(server.getsockname()[1])


def part_on(port: int) -> Part:
    return Part(name="mysql", argv=(), host="127.0.0.1", ports={"mysql": port}, ready=lambda: None)


def test_a_taken_port_is_told_with_its_holder_and_the_setting_to_change(taken_port: int) -> None:
    with pytest.raises(PortTaken) as raised:
        require_free([part_on(taken_port)])
    assert f"Port {taken_port}, which mysql needs, is held by" in raised.value.fact
    assert f"(pid {os.getpid()}" in raised.value.fact
    assert "ESHOP_MYSQL_PORT" in raised.value.fix


def test_a_port_we_hold_ourselves_is_no_clash(taken_port: int) -> None:
    require_free([part_on(taken_port)], own={taken_port})


def test_a_free_port_is_free(free_port: int) -> None:
    assert is_free("127.0.0.1", free_port)


def test_a_port_with_connections_that_outlived_their_server_is_free() -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as every server does
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = int(server.getsockname()[1])
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
    accepted.close()  # the server's side closes first and lingers
    client.close()
    assert is_free("127.0.0.1", port)


def test_a_port_that_an_ended_connection_still_holds_is_waited_for(
    taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = socket.socket()
    client.bind(("127.0.0.1", 0))  # a port taken by connect() alone may serve connections of others as well
    client.connect(("127.0.0.1", taken_port))
    outgoing = int(client.getsockname()[1])
    assert not is_free("127.0.0.1", outgoing)
    monkeypatch.setattr(ports.time, "sleep", lambda _: reset(client))
    require_free([part_on(outgoing)])


def test_a_listener_at_another_address_of_the_machine_does_not_hold_the_port(
    taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ended connection is waited for at 127.0.0.1, though a server has the same port of 127.0.0.2."""
    client = socket.socket()
    client.bind(("127.0.0.1", 0))
    client.connect(("127.0.0.1", taken_port))
    outgoing = int(client.getsockname()[1])
    monkeypatch.setattr(ports.time, "sleep", lambda _: reset(client))
    with socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.2", outgoing))
        elsewhere.listen()
        require_free([part_on(outgoing)])


def test_a_reserved_port_can_be_listened_on_and_by_nobody_elses_connection(free_port: int) -> None:
    reserved = ports.Reservations()
    reserved.add("127.0.0.1", free_port)
    with socket.socket() as outgoing, pytest.raises(OSError, match="in use"):
        outgoing.bind(("127.0.0.1", free_port))
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", free_port))
        server.listen()
    reserved.release()


def test_a_port_that_is_listened_on_is_not_reserved_a_second_time(taken_port: int) -> None:
    reserved = ports.Reservations()
    reserved.add("127.0.0.1", taken_port)
    reserved.release()


def test_ports_that_are_all_free_are_held_and_one_that_is_listened_on_is_named(free_port: int, taken_port: int) -> None:
    settings = read_settings({})
    with (
        ports.reserved(replace(settings, ports={"gw_http": free_port})),
        socket.socket() as outgoing,
        pytest.raises(OSError, match="in use"),
    ):
        outgoing.bind(("127.0.0.1", free_port))
    told = f"Port {taken_port}, which the suite needs, is held by"
    with pytest.raises(PortTaken, match=told), ports.reserved(replace(settings, ports={"gw_http": taken_port})):
        pass


def reset(link: socket.socket) -> None:
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


def test_a_clash_names_the_setting_of_a_services_port() -> None:
    fact, fix = clash("flash_sale_http", 30680, "flash_sale", "nginx (pid 7)")
    assert fact == "Port 30680, which flash_sale needs, is held by nginx (pid 7)"
    assert "ESHOP_FLASH_SALE_HTTP_PORT" in fix
    assert "--port-offset" in fix
