"""`eshop clean`: a stack's data, logs and settings; with --all every stack's, and the tools."""

from __future__ import annotations

import shutil

from eshop_deploy.layout import StackDir, state_dir, tools_dir
from eshop_deploy.progress import console, step
from eshop_deploy.take_down import take_down


def clean(stack: StackDir) -> None:
    take_down(stack)
    with step(f"Removing {stack.path}"):
        shutil.rmtree(stack.path, ignore_errors=True)


def all_stacks() -> list[StackDir]:
    return [StackDir(folder) for folder in sorted((state_dir() / "stacks").glob("*")) if folder.is_dir()]


def clean_tools() -> None:
    """Tools that lie in the state folder; a folder that other clones may share is left to its owner."""
    if not tools_dir().is_relative_to(state_dir()):
        console.print(f"The tools in {tools_dir()} may serve other clones and stay.")
        return
    with step(f"Removing {tools_dir()}"):
        shutil.rmtree(tools_dir(), ignore_errors=True)
        (state_dir() / "setup.log").unlink(missing_ok=True)
