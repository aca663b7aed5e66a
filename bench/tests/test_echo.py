"""The yardstick answers, and is gone afterwards."""

import json
import socket

import httpx
import pytest

from eshop_bench.echo import running_echo
from eshop_deploy import probes
from eshop_deploy.stacks import PartFailed


def test_the_echo_sends_back_what_it_was_sent_and_ends_with_its_block(free_port: int) -> None:
    body = {"userID": 5, "productID": 7, "amount": 100}
    with running_echo("127.0.0.1", free_port):
        answer = httpx.post(f"http://127.0.0.1:{free_port}/echo", json=body, trust_env=False, timeout=20).content

    assert answer.startswith(b'{"code":0,')  # what load scripts take for a good answer
    assert json.loads(answer) == {"code": 0, **body}
    assert probes.tcp("127.0.0.1", free_port) is not None


def test_a_taken_port_is_told() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        with pytest.raises(PartFailed, match="The echo does not come up"), running_echo(*holder.getsockname()):
            pass
