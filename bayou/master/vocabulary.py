"""All commands there are: importing this registers them."""

from __future__ import annotations

from bayou.master import commands, faults, language
from bayou.master.registry import COMMANDS

__all__ = ["COMMANDS", "commands", "faults", "language"]
