"""The secret of an installation: made once, where its data lies, and never changed after that.

It signs order ids and seals the messages of the order queue. Two installations with the same one would take each
other's orders for their own.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

from eshop_deploy.layout import StackDir
from eshop_deploy.settings import Settings

VARIABLE = "ESHOP_ORDER_ID_KEY"
FILE_VARIABLE = f"{VARIABLE}_FILE"
BYTES = 32


def with_secret(stack: StackDir, settings: Settings) -> Settings:
    """The settings with the stack's own secret, unless the user chose one."""
    if settings.extra.get(VARIABLE) or settings.extra.get(FILE_VARIABLE):
        return settings
    return replace(settings, extra={**settings.extra, VARIABLE: kept_secret(stack.secret_file)})


def kept_secret(file: Path) -> str:
    """The secret in a file, which is made where it is missing; only its owner can read it."""
    if not file.is_file():
        new = file.with_suffix(".new")
        new.write_text(secrets.token_hex(BYTES))
        new.chmod(0o600)
        new.replace(file)  # whole or not at all
    return file.read_text().strip()
