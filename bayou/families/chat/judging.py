"""The rules that traces of a chat are judged by: those of its log. A view is what a client was told."""

from __future__ import annotations

from bayou.families.log.judging import RULES, judge

__all__ = ["RULES", "judge"]
