from __future__ import annotations

import pytest

from eshop_deploy.environment import read_env, render, saved_settings, write_env
from eshop_deploy.failures import BadSetting
from eshop_deploy.layout import StackDir
from eshop_deploy.ports import require_distinct
from eshop_deploy.settings import read_settings


def test_ports_are_the_documented_ones_when_nothing_is_set() -> None:
    settings = read_settings({})
    assert settings.ports["gw_http"] == 8080
    assert settings.ports["flash_sale_grpc"] == 30682
    assert settings.ports["dtm_redis_http"] == 35789
    assert settings.host == "127.0.0.1"


def test_every_default_port_is_its_own() -> None:
    require_distinct(read_settings({}))


def test_a_port_can_be_changed() -> None:
    assert read_settings({"ESHOP_MYSQL_PORT": "3399"}).ports["mysql"] == 3399


def test_an_empty_variable_counts_as_unset() -> None:
    settings = read_settings({"ESHOP_MYSQL_PORT": "", "ESHOP_REDIS_PASSWORD": ""})
    assert settings == read_settings({})


def test_an_offset_moves_every_port() -> None:
    base, moved = read_settings({}), read_settings({}).shifted(1000)
    assert {name: port - 1000 for name, port in moved.ports.items()} == base.ports


@pytest.mark.parametrize("value", ["abc", "0", "65536", "-1", "80.5"])
def test_a_port_that_is_none_is_refused_with_the_settings_name(value: str) -> None:
    with pytest.raises(BadSetting, match="ESHOP_ORDER_HTTP_PORT"):
        read_settings({"ESHOP_ORDER_HTTP_PORT": value})


def test_an_offset_that_leads_past_the_last_port_is_refused() -> None:
    with pytest.raises(BadSetting, match="ESHOP_DTM_MYSQL_HTTP_PORT would be 66789"):
        read_settings({}).shifted(30000)


def test_two_parts_on_one_port_are_refused_by_name() -> None:
    with pytest.raises(BadSetting, match="ESHOP_REDIS_PORT and ESHOP_KAFKA_PORT are both 7000"):
        require_distinct(read_settings({"ESHOP_REDIS_PORT": "7000", "ESHOP_KAFKA_PORT": "7000"}))


def test_services_are_told_where_everything_is() -> None:
    env = render(read_settings({}).shifted(1000))
    assert env["ESHOP_MYSQL_PORT"] == "4306"
    assert env["ESHOP_KAFKA_BOOTSTRAP"] == "127.0.0.1:10092"
    assert env["ESHOP_DTM_REDIS_GRPC"] == "127.0.0.1:36790"
    assert env["ESHOP_FLASH_SALE_ADDRESS"] == "127.0.0.1:31682"
    assert env["ESHOP_GW_HTTP_PORT"] == "9080"
    assert env["ESHOP_PROFILE"] == "lab"


def test_a_services_own_variable_is_handed_on_and_the_tools_are_not() -> None:
    env = render(read_settings({"ESHOP_LOG_LEVEL": "debug", "ESHOP_TOOLS_DIR": "/x", "OTHER": "1"}))
    assert env["ESHOP_LOG_LEVEL"] == "debug"
    assert "ESHOP_TOOLS_DIR" not in env
    assert "OTHER" not in env


def test_an_address_that_was_set_stays() -> None:
    env = render(read_settings({"ESHOP_ORDER_ADDRESS": "127.0.0.1:1,127.0.0.1:2"}))
    assert env["ESHOP_ORDER_ADDRESS"] == "127.0.0.1:1,127.0.0.1:2"


def test_the_address_of_a_part_that_was_set_stays() -> None:
    env = render(read_settings({"ESHOP_REDIS_HOST": "127.0.0.2", "ESHOP_DTM_MYSQL_GRPC": "127.0.0.2:36790"}))
    assert env["ESHOP_REDIS_HOST"] == "127.0.0.2"
    assert env["ESHOP_DTM_MYSQL_GRPC"] == "127.0.0.2:36790"
    assert env["ESHOP_DTM_MYSQL_HTTP"] == "127.0.0.1:36789"


def test_the_env_file_gives_the_same_environment_again(stack: StackDir) -> None:
    settings = read_settings({"ESHOP_MYSQL_PASSWORD": "a'b\"c #d=$e\\", "ESHOP_LOG_LEVEL": "debug"}).shifted(7)
    write_env(stack, settings)
    assert render(saved_settings(stack)) == render(settings)
    assert read_env(stack.env_file)["ESHOP_MYSQL_PASSWORD"] == "a'b\"c #d=$e\\"


def test_the_env_file_is_for_its_owner_only(stack: StackDir) -> None:
    write_env(stack, read_settings({}))
    assert stack.env_file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "-x", "Shop", "a/b", "..", "x" * 40])
def test_a_stack_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(BadSetting, match="can't name a stack"):
        StackDir.named(name)
