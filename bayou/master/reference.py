"""The reference page, made from the registry: ``python3 -m bayou.master.reference`` prints it."""

from __future__ import annotations

from bayou.families.vocabulary import all_commands
from bayou.master import language
from bayou.master.helping import PROMPT_COMMANDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayou.script.grammar import Command

HEAD = """\
# Reference: the commands

This page is made from the registry that the master itself reads: `python3 -m bayou.master.reference` prints
it. [scenarios.md](scenarios.md) explains how the commands work together.

| command | what it does |
| --- | --- |
"""


def reference() -> str:
    """Return the page."""
    commands = all_commands(language.COMMANDS)
    table = "".join(f"| `{command.usage}` | {command.does} |\n" for command in commands.values())
    sections = "\n".join("\n".join(_section(command)) for command in commands.values())
    prompt = "\n".join("\n".join(_section(command)) for command in PROMPT_COMMANDS.values())
    return f"{HEAD}{table}\n{sections}\n# At the prompt only\n\n{prompt}"


def _section(command: Command) -> Iterator[str]:
    yield f"## `{command.usage}`\n"
    yield f"{command.does[0].upper()}{command.does[1:]}.\n"
    for field in command.fields:
        yield f"- `{field.name}`: {field.kind.words}"
    if command.fields:
        yield ""
    yield (
        f"The next command begins when {command.until}. For example:\n" if command.until else "For example:\n"
    )
    yield f"```text\n{command.example}\n```\n"


if __name__ == "__main__":
    print(reference(), end="")
