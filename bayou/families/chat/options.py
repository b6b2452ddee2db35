"""The command-line options of chat: those of a log."""

from __future__ import annotations

from bayou.families.log.options import add_options, options_of, settings_of

__all__ = ["add_options", "options_of", "settings_of"]
