"""Command-line arguments that more than one command has."""

from __future__ import annotations

import argparse


def add_functions(parser: argparse.ArgumentParser | argparse._ArgumentGroup, what: str) -> None:
    """Add --functions FILE; ``what`` says what these are for. The option is the path of a file that has some,
    empty where none is given."""
    parser.add_argument(
        "--functions",
        type=functions_file,
        default="",
        metavar="FILE",
        help=f"the Python file with the functions that {what}",
    )


def functions_file(text: str) -> str:
    """Read the path of a Python file with functions that general writes may call; ArgumentTypeError, which
    says what is wrong in which line, where it has none."""
    if not text:  # the default is looked at too
        return text
    from bayou.host.functions import FunctionsError, load

    try:
        load(text)
    except FunctionsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def seconds(text: str) -> float:
    """Read a number of seconds above 0; ArgumentTypeError, with a message for the user, for anything else."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value
