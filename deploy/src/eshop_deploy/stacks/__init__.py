"""What other tools need of stacks: their settings, their folders, bringing them up and taking them down."""

from eshop_deploy.bring_up import alone, bring_up
from eshop_deploy.clean import clean
from eshop_deploy.environment import read_env, saved_settings
from eshop_deploy.equip import equip
from eshop_deploy.failures import BadSetting, BringUpError, PartFailed
from eshop_deploy.gateway import Gateway
from eshop_deploy.layout import StackDir, project_root, state_dir
from eshop_deploy.probes import http_ok
from eshop_deploy.process import read_record, stop
from eshop_deploy.progress import console, fail, step
from eshop_deploy.settings import DEFAULT_PORTS, SERVICES, Settings, read_settings
from eshop_deploy.suite import Service, services
from eshop_deploy.take_down import running, take_down
from eshop_deploy.tools.k6 import binary as k6_binary
from eshop_deploy.tools.k6 import install as install_k6

__all__ = [
    "DEFAULT_PORTS",
    "SERVICES",
    "BadSetting",
    "BringUpError",
    "Gateway",
    "PartFailed",
    "Service",
    "Settings",
    "StackDir",
    "alone",
    "bring_up",
    "clean",
    "console",
    "equip",
    "fail",
    "http_ok",
    "install_k6",
    "k6_binary",
    "project_root",
    "read_env",
    "read_record",
    "read_settings",
    "running",
    "saved_settings",
    "services",
    "state_dir",
    "step",
    "stop",
    "take_down",
]
