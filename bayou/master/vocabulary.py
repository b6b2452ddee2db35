"""All commands there are, those that are loaded late included."""

from __future__ import annotations

from bayou.master import commands
from bayou.master.registry import COMMANDS, load_all

__all__ = ["COMMANDS", "commands"]

load_all()
