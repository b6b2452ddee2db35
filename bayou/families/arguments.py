"""The command-line option that adds families of scenarios."""

from __future__ import annotations

import argparse
import sys

from bayou.core.errors import BayouError
from bayou.families import add

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def add_family_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that ``add_families`` reads."""
    parser.add_argument(
        "--family",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="add a family of scenarios that does not come with bayou: a Python package, which may be in the "
        "working directory",
    )


def add_families(arguments: Sequence[str] | None, prog: str) -> None:
    """Add the families that a command line names, before it is read as a whole: they bring options of their
    own. Ends the process, as argparse does, where there is no such family."""
    words = sys.argv[1:] if arguments is None else arguments
    if not any(word.startswith("--f") for word in words):
        return  # no option that could be it, or an abbreviation of it: start-up time counts
    parser = argparse.ArgumentParser(prog, add_help=False)
    add_family_option(parser)
    named = parser.parse_known_args(arguments)[0].family
    if named and "" not in sys.path:
        sys.path.insert(0, "")
    for package in named:
        try:
            add(package)
        except BayouError as error:
            parser.error(str(error))
