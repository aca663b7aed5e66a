"""Rows name the branch of the transaction that wrote them, so that its undo takes back these and no others."""

from pathlib import Path

from eshop_chassis.mysql import change_tables

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    change_tables(Path(__file__))
