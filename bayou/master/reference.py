"""The reference page, made from the registries: ``python3 -m bayou.master.reference`` prints it."""

from __future__ import annotations

from bayou.families.overview import how_families_open, name_of, owned_commands, shared_names
from bayou.master import language
from bayou.master.helping import PROMPT_COMMANDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayou.families.overview import Owned

HEAD = """\
# Reference: the commands

This page is made from the registries that the master itself reads: `python3 -m bayou.master.reference` prints
it. [scenarios.md](scenarios.md) explains how the commands of the store work together,
[consensus.md](consensus.md) those of chat and of locks.

{families} A command of another family is a line that is off.

| command | of | what it does |
| --- | --- | --- |
"""

SHARED = """\
# One name, several families

What these do depends on the family that the scenario is of.

| command | of | what it does |
| --- | --- | --- |
"""


def reference() -> str:
    """Return the page."""
    owned = owned_commands(language.COMMANDS)
    shared = shared_names(owned)
    parts = [HEAD.format(families=how_families_open()), *map(_row, owned), "\n", SHARED]
    parts += [_row(meaning) for meanings in shared.values() for meaning in meanings]
    heading = ""
    for owners, command in owned:
        told = f"# Commands of {name_of(owners)}" if owners else "# Commands of all families"
        if told != heading:
            parts.append(f"\n{told}\n")
            heading = told
        parts.append("\n" + "\n".join(_section((owners, command), is_shared=command.name in shared)))
    parts.append("\n# At the prompt only\n")
    parts += ["\n" + "\n".join(_section(((), command))) for command in PROMPT_COMMANDS.values()]
    return "".join(parts)


def _row(owned: Owned) -> str:
    owners, command = owned
    does = command.does.replace("|", "\\|")
    return f"| `{command.usage}` | {name_of(owners) if owners else 'all'} | {does} |\n"


def _section(owned: Owned, *, is_shared: bool = False) -> Iterator[str]:
    owners, command = owned
    yield f"## `{command.usage}`{f' ({name_of(owners)})' if is_shared else ''}\n"
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
