"""Command-line arguments that more than one command has."""

from __future__ import annotations

import argparse


def seconds(text: str) -> float:
    """Read a number of seconds above 0; ArgumentTypeError, with a message for the user, for anything else."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value
