"""What a person at a prompt needs of a lock service."""

from __future__ import annotations

from bayou.families.log.prompting import say_status, take_stock, tell_what_came_late

__all__ = ["say_status", "take_stock", "tell_what_came_late"]
