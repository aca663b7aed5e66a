"""Settings: from the environment alone, and refused with a text that names the variable."""

import re
from pathlib import Path

import pytest
from pydantic import Field

import eshop_chassis.settings
from eshop_chassis import (
    DtmMySQLSettings,
    DtmRedisSettings,
    KafkaSettings,
    MySQLSettings,
    RedisSettings,
    ServiceSettings,
)
from eshop_chassis.process.run import load_settings
from eshop_chassis.settings import EshopSettings, UnusableSettingError
from eshop_contract import OrderIdSettings, OrderQueueSettings

README = Path(__file__).parent.parent / "README.md"
GROUPS = [
    ServiceSettings,
    MySQLSettings,
    RedisSettings,
    KafkaSettings,
    DtmMySQLSettings,
    DtmRedisSettings,
    OrderIdSettings,
    OrderQueueSettings,
]


class Settings(
    ServiceSettings, MySQLSettings, RedisSettings, KafkaSettings, DtmMySQLSettings, DtmRedisSettings, OrderIdSettings
):
    http_port: int = Field(default=18080, validation_alias="ESHOP_TRIAL_HTTP_PORT")


@pytest.fixture(autouse=True)
def _only_the_secret(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("ESHOP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ESHOP_ORDER_ID_KEY", "a secret for tests")


def test_every_group_is_read_with_the_prefix_whatever_groups_are_joined(monkeypatch):
    told = {
        "ESHOP_HOST": "::1",
        "ESHOP_MYSQL_PORT": "3307",
        "ESHOP_REDIS_PORT": "6380",
        "ESHOP_KAFKA_BOOTSTRAP": "kafka:1",
        "ESHOP_DTM_MYSQL_GRPC": "dtm:1",
        "ESHOP_DTM_REDIS_GRPC": "dtm:2",
        "ESHOP_ORDER_ID_KEY": "another key",
        "ESHOP_TRIAL_HTTP_PORT": "1",
        "MYSQL_PORT": "1",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(Settings)
    assert (settings.host, settings.mysql_port, settings.redis_port) == ("::1", 3307, 6380)
    assert (settings.kafka_bootstrap, settings.dtm_mysql_grpc, settings.dtm_redis_grpc) == ("kafka:1", "dtm:1", "dtm:2")
    assert (settings.order_id_key, settings.http_port) == ("another key", 1)


def test_prod_is_refused(monkeypatch):
    monkeypatch.setenv("ESHOP_PROFILE", "prod")
    with pytest.raises(UnusableSettingError, match="ESHOP_PROFILE=prod is not available yet"):
        load_settings(Settings)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "shop.example"])  # noqa: S104 - that is the point
def test_an_address_that_others_reach_is_refused_unless_allowed_in_plain_words(monkeypatch, host):
    monkeypatch.setenv("ESHOP_HOST", host)
    with pytest.raises(UnusableSettingError, match="set ESHOP_ALLOW_REMOTE_ACCESS=true"):
        load_settings(Settings)
    monkeypatch.setenv("ESHOP_ALLOW_REMOTE_ACCESS", "true")
    assert load_settings(Settings).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_fine(monkeypatch, host):
    monkeypatch.setenv("ESHOP_HOST", host)
    assert load_settings(Settings).host == host


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ESHOP_TRIAL_HTTP_PORT", "65536"),
        ("ESHOP_TRIAL_HTTP_PORT", "http"),
        ("ESHOP_MYSQL_PORT", "0"),
        ("ESHOP_LOG_LEVEL", "loud"),
        ("ESHOP_DRAIN_SECONDS", "-1"),
        ("ESHOP_ORDER_ID_KEY", "short"),
        ("ESHOP_ALLOW_REMOTE_ACCESS", "perhaps"),
    ],
)
def test_a_value_that_can_t_be_is_told_by_the_variable_s_name(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(UnusableSettingError) as told:
        load_settings(Settings)
    assert str(told.value).startswith(f"{name}: ")
    assert "\n" not in str(told.value)


def test_everything_wrong_is_told_at_once(monkeypatch):
    monkeypatch.setenv("ESHOP_MYSQL_PORT", "x")
    monkeypatch.setenv("ESHOP_LOG_FORMAT", "x")
    with pytest.raises(UnusableSettingError, match=r"ESHOP_LOG_FORMAT: .*; ESHOP_MYSQL_PORT: |.*_PORT: .*; .*_FORMAT"):
        load_settings(Settings)


def test_passwords_are_not_shown():
    assert "123456" not in repr(Settings())
    assert "a secret for tests" not in repr(Settings())


@pytest.mark.parametrize("key", ["", "short", "eshop-lab-key"])
def test_without_a_secret_of_its_own_no_service_starts(monkeypatch, key):
    monkeypatch.setenv("ESHOP_ORDER_ID_KEY", key)
    with pytest.raises(UnusableSettingError, match=r"^ESHOP_ORDER_ID_KEY: .*openssl rand -hex 32$"):
        load_settings(Settings)


def test_the_secret_may_lie_in_a_file(monkeypatch, tmp_path):
    monkeypatch.delenv("ESHOP_ORDER_ID_KEY")
    monkeypatch.setenv("ESHOP_ORDER_ID_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(UnusableSettingError, match=r"^ESHOP_ORDER_ID_KEY_FILE: .*No such file"):
        load_settings(Settings)
    (tmp_path / "key").write_text("a secret in a file\n")
    assert load_settings(Settings).order_id_key == "a secret in a file"


def test_every_group_derives_from_the_class_that_has_the_prefix():
    found = [c for c in vars(eshop_chassis.settings).values() if isinstance(c, type) and issubclass(c, EshopSettings)]
    assert len(found) >= 7
    assert all(
        group.model_config.get("env_prefix") == "ESHOP_" for group in [*found, OrderIdSettings, OrderQueueSettings]
    )


def test_the_readme_lists_every_shared_setting_with_its_default():
    listed = dict(re.findall(r"^\| `(ESHOP_\w+)` \| `?(.*?)`? \|", README.read_text("utf-8"), re.MULTILINE))
    for group in GROUPS:
        for name, field in group.model_fields.items():
            if name in ("http_port", "grpc_port"):
                continue  # each service names its own
            assert field.description, f"{name} has no description"
            assert listed.pop(f"ESHOP_{name.upper()}") == str(field.default).lower().replace("'", "")
    assert not listed, "the README lists settings that there are not"
