"""DTM's own tables and its barrier's, as the DTM module ships them (a test holds the copy to the module)."""

from __future__ import annotations

import re
from importlib.resources import files


def schema() -> str:
    """The whole file, the DROPs of its authors included."""
    return files("eshop_deploy").joinpath("dtm_schema.sql").read_text("utf-8")


def statements(sql: str) -> list[str]:
    """The statements of a schema file, one line each, without those that drop something."""
    lines = (" ".join(text.split()) for text in sql.split(";"))
    return [line for line in lines if line and not re.match("drop ", line, re.IGNORECASE)]
