"""The tables as the releases before migrations had them: nothing to do where they are kept."""

from pathlib import Path

from eshop_chassis.mysql import change_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    change_tables(Path(__file__))
