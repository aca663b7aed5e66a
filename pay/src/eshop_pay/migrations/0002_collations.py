"""Texts are compared letter by letter, whatever the default of the server is."""

from pathlib import Path

from eshop_chassis.mysql import change_tables

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    change_tables(Path(__file__))
