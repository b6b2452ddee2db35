"""The command-line options of bells."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any


def add_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--loud", action="store_true", help="let bells sound in capitals")


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    return {"loud": given.loud}


def settings_of(plain: Mapping[str, Any]) -> bool:
    loud = plain.get("loud", False)
    if not isinstance(loud, bool):
        raise TypeError("loud is true or false")
    return loud
