"""The master's command-line options."""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

EPILOG = """\
exit status: 0 when all lines were read, 1 on an error of the system under test, 2 on a wrong option and
on the first line that is off with --strict, 3 when a command was not done within its deadline, 4 when an
expect was not met, 5 and 6 with --check, 141 when nobody reads the output any more; as usual for a signal.
"""


class Options(Record):
    """What the command line asked for; ``families`` has what it asked of each family, by name."""

    file: str | None = None
    world: str = "processes"
    strict: bool = False
    verbose: bool = False
    deadline_s: float = 30.0
    free_running: bool = False
    seed: int = 0
    trace: str | None = None
    check: bool = False
    families: Mapping[str, Mapping[str, Any]] = {}


def parse_options(arguments: Sequence[str], prog: str, world: str | None) -> Options:
    """Read the command line; ``world`` fixes the world instead of leaving it an option.

    Ends the process with status 2 and a message on a wrong option, as argparse does. An empty command
    line is not worth the import of argparse.
    """
    if not arguments:
        return Options(world=world or "processes")
    import argparse

    from bayou import families
    from bayou._arguments import seconds
    from bayou.families.arguments import add_families, add_family_option

    add_families(arguments, prog)

    class Parser(argparse.ArgumentParser):
        """What takes the modules of all families to say is made when somebody asks for it."""

        def format_help(self) -> str:
            self.epilog = f"{EPILOG}\n{_describe_commands()}"
            return super().format_help()

    parser = Parser(
        prog=prog,
        description="Run a scenario: commands, one a line, on servers and clients of a Bayou store, a chat "
        "or a lock service.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", nargs="?", help="the scenario; standard input where it is missing, or is -")
    if world is None:
        parser.add_argument(
            "--world",
            choices=("processes", "sim"),
            default="processes",
            help="real processes over TCP (the default), or simulated in one process",
        )
    parser.add_argument(
        "--strict", action="store_true", help="stop at the first line that is off (exit status 2)"
    )
    parser.add_argument(
        "--deadline",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="how long a command may take before the run ends with exit status 3 (default: 30)",
    )
    parser.add_argument(
        "--free-running",
        action="store_true",
        help="leave servers to themselves: they gossip, with hybrid clocks, and only stabilize waits for "
        "them (chat and locks: heartbeats and time-outs rule, and only allClear waits); without it nothing "
        "is left to move when the next command begins",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="the seed of the simulated world, and of what befalls messages between processes (default: 0)",
    )
    parser.add_argument("--trace", metavar="FILE", help="record what happens, as JSON lines")
    parser.add_argument(
        "--check",
        action="store_true",
        help="judge in the end what happened; exit status 5 where a promise was broken, 6 where there was "
        "nothing to be judged",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="a line on standard error for each command and each exchange"
    )
    add_family_option(parser)
    for family in families.FAMILIES.values():
        family.part("options").add_options(parser.add_argument_group(f"options of the family {family.name}"))
    given = parser.parse_args(arguments)
    of_families = {
        family.name: family.part("options").options_of(given) for family in families.FAMILIES.values()
    }
    for name, plain in of_families.items():
        try:
            families.find(name).part("options").settings_of(plain)
        except (ValueError, TypeError) as error:
            parser.error(f"options of the family {name}: {error}")
    return Options(
        file=None if given.file == "-" else given.file,
        world=world or given.world,
        strict=given.strict,
        verbose=given.verbose,
        deadline_s=given.deadline,
        free_running=given.free_running,
        seed=given.seed,
        trace=given.trace,
        check=given.check,
        families=of_families,
    )


def _describe_commands() -> str:
    from bayou.families.overview import how_families_open, name_of, owned_commands
    from bayou.master.language import COMMANDS

    lines = [how_families_open()]
    heading = ""
    for owners, command in owned_commands(COMMANDS):
        told = f"commands of {name_of(owners)}:" if owners else "commands of all families:"
        if told != heading:
            lines.append(told)
            heading = told
        lines.append(f"  {command.usage}\n      {command.does}")
    return "\n".join(lines)
