"""Each service's README names every setting of that service, with its default."""

import importlib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {name: f"eshop_{name}" for name in ("user", "product", "order", "stock", "coupon", "pay", "flash_sale")} | {
    "eshop_gw": "eshop_gw"
}


@pytest.mark.parametrize("folder", PACKAGES)
def test_every_setting_is_named_with_its_default(folder: str) -> None:
    settings: Any = importlib.import_module(f"{PACKAGES[folder]}.settings").Settings
    lines = (ROOT / folder / "README.md").read_text().splitlines()
    for name in settings.__annotations__:
        field = settings.model_fields[name]
        variable = f"`{field.validation_alias or f'ESHOP_{name.upper()}'}`"
        default = str(field.default).rpartition(":")[2]
        assert any(variable in line and default in line for line in lines), f"{variable}, by default {field.default}"
