"""Texts are compared letter by letter, whatever the default of the server is, and e-mails without their letter case."""

from pathlib import Path

from alembic import op
from sqlalchemy import Connection

from eshop_chassis import get_logger
from eshop_chassis.mysql import change_tables
from eshop_user.emails import folded

revision = "0002"
down_revision = "0001"
BATCH = 1000
log = get_logger(__name__)


def upgrade() -> None:
    change_tables(Path(__file__))
    _fold_emails(op.get_bind())
    change_tables(
        "ALTER TABLE user MODIFY email_folded varchar(255) NOT NULL, DROP KEY email,"
        " ADD UNIQUE KEY email (email_folded, live)"
    )


def _fold_emails(connection: Connection) -> None:
    """Live users whose addresses differ in letter case only can be from a server whose default told them apart: the
    first keeps the address, the others keep theirs as it is written.
    """
    last, seen = 0, set[str]()
    read = "SELECT id, email, email_folded, live FROM user WHERE id > %s ORDER BY id LIMIT %s"
    while rows := connection.exec_driver_sql(read, (last, BATCH)).all():
        for user_id, email, lower, live in rows:
            key = folded(email)
            if live and key in seen:
                log.warning("another user has this e-mail, letter case aside", user=user_id, email=email)
                key = email
            if live:
                seen.add(key)
            if key != lower:  # servers know fewer letters than Unicode has
                connection.exec_driver_sql("UPDATE user SET email_folded = %s WHERE id = %s", (key, user_id))
        last = rows[-1][0]
