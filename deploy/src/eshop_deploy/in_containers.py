"""`eshop-deploy`: the one-shot steps of a suite in containers. ESHOP_ variables tell them where everything is."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated

import pymysql
import typer

from eshop_contract import OrderQueueSettings
from eshop_deploy import demo, dtm_schema, probes
from eshop_deploy.failures import BringUpError
from eshop_deploy.gateway import Gateway
from eshop_deploy.progress import console, fail, step
from eshop_deploy.secret import FILE_VARIABLE, VARIABLE, kept_secret

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command("set-up-stores")
def set_up_stores() -> None:
    """Make DTM's tables, the queue's topics and the installation's secret where they are missing.

    The services make their own tables.
    """
    if not os.environ.get(VARIABLE) and (file := os.environ.get(FILE_VARIABLE)):
        with step(f"The installation's secret in {file}"):
            kept_secret(Path(file))
    with step("DTM's tables"):
        make_tables()
    partitions = os.environ.get("ESHOP_KAFKA_PARTITIONS") or "1"
    topics = OrderQueueSettings.of(os.environ)
    with step(f"Topics {topics.kafka_order_topic} ({partitions} partitions) and {topics.kafka_dead_letter_topic}"):
        bootstrap = os.environ["ESHOP_KAFKA_BOOTSTRAP"]
        probes.make_topic_at(bootstrap, topics.kafka_order_topic, int(partitions))
        probes.make_topic_at(bootstrap, topics.kafka_dead_letter_topic, 1)


def make_tables() -> None:
    """Runs every statement of DTM's schema, which creates only what is not there."""
    link = pymysql.connect(
        host=os.environ["ESHOP_MYSQL_HOST"],
        port=int(os.environ.get("ESHOP_MYSQL_PORT") or 3306),
        user=os.environ["ESHOP_MYSQL_USER"],
        password=os.environ["ESHOP_MYSQL_PASSWORD"],
        connect_timeout=10,
    )
    with closing(link), link.cursor() as cursor:
        cursor.execute("SET sql_notes = 0")  # a table that is there already is no news
        for statement in dtm_schema.statements(dtm_schema.schema()):
            cursor.execute(statement)


@app.command("seed")
def seed(gateway: Annotated[str, typer.Argument(help="host:port of the gateway.")]) -> None:
    """Make a product with its stock, a user and a coupon, unless they are there."""
    host, _, port = gateway.rpartition(":")
    with step("Demo data: a product, its stock, a user, a coupon"):
        user, product = demo.load(Gateway(host, int(port)))
    console.print(f"product {product} can be bought by user {user}")


def main() -> None:
    try:
        app(prog_name="eshop-deploy")
    except BringUpError as error:
        fail(error.fact, error.fix)
        raise SystemExit(1) from None
