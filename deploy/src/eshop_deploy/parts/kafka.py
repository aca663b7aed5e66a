"""Kafka: one KRaft node that is broker and controller, on loopback, from the jars that Maven laid down."""

from __future__ import annotations

import base64
import subprocess
import uuid
from functools import partial
from pathlib import Path

from eshop_deploy import probes
from eshop_deploy.failures import PartFailed
from eshop_deploy.layout import StackDir, project_root, tools_dir
from eshop_deploy.part import Part
from eshop_deploy.settings import Settings
from eshop_deploy.tools import java

NAME = "kafka"

_CONFIG = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
num.partitions={partitions}
auto.create.topics.enable=true
default.replication.factor=1
min.insync.replicas=1
# 50 partitions of offsets for a handful of groups would be most of the start-up time
offsets.topic.num.partitions=5
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# a broker that was killed may register again only when its last life's session is over (9 s by default)
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# a consumer that was killed gives its partitions back after its own session time, which is a few seconds
group.min.session.timeout.ms=1000
group.initial.rebalance.delay.ms=0
# two cores, half a gigabyte
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
"""


def part(stack: StackDir, settings: Settings) -> Part:
    config = stack.config(NAME) / "server.properties"
    return Part(
        name=NAME,
        argv=(*_java(settings.kafka_heap), "kafka.Kafka", str(config)),
        host=settings.host,
        ports={name: settings.ports[name] for name in ("kafka", "kafka_controller")},
        ready=partial(probes.kafka, settings),
        prepare=partial(prepare, stack, settings, config),
        settle=partial(_make_topic, settings),
        stop_seconds=20,
    )


def _make_topic(settings: Settings) -> None:
    from eshop_contract import OrderQueueSettings  # not at the top: a command that starts nothing need not load it

    probes.make_topic(settings, OrderQueueSettings.of(settings.extra).kafka_order_topic)


def _java(heap: str) -> tuple[str, ...]:
    return (
        java.java(),
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",  # compiling for the long run takes 2 s of CPU from whoever measures the first minute
        "-XX:+ExitOnOutOfMemoryError",
        f"-Dlog4j2.configurationFile={project_root() / 'deploy' / 'kafka' / 'log4j2.properties'}",
        "-cp",
        f"{tools_dir() / 'kafka'}/*",
    )


def prepare(stack: StackDir, settings: Settings, config: Path) -> None:
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        _CONFIG.format(
            host=settings.host,
            port=settings.ports["kafka"],
            controller=settings.ports["kafka_controller"],
            data=stack.data(NAME),
            partitions=settings.kafka_partitions,
        )
    )
    if not (stack.data(NAME) / "meta.properties").is_file():
        _format(config)


def _format(config: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    # "--cluster-id=": an id may begin with a dash
    argv = [*_java("128m"), "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(config)]
    made = subprocess.run(argv, capture_output=True, text=True, check=False)
    if made.returncode:
        told = (made.stderr or made.stdout).strip().splitlines()[-1:]
        raise PartFailed(f"Kafka could not format its storage: {' '.join(told)}")
