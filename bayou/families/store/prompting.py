"""What a person at a prompt needs of the store."""

from __future__ import annotations

from bayou.families.store.status import say_status
from bayou.families.store.stock import take_stock, tell_what_came_late

__all__ = ["say_status", "take_stock", "tell_what_came_late"]
