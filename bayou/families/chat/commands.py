"""The commands of chat."""

from __future__ import annotations

from bayou.families.chat.options import settings_of
from bayou.families.log.commands import (
    add_all_clear,
    add_faults,
    add_partitions,
    add_skip_slots,
    add_start,
    add_weather,
)
from bayou.families.log.fields import CLIENT
from bayou.families.log.system import LogSystem
from bayou.script.console import to_bytes
from bayou.script.grammar import REST, BadLine
from bayou.script.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.family import Stage

CHAT = "chat"
MESSAGE_BYTES_MAX = 64 << 10

COMMANDS = Registry("chat")


class ChatSystem(LogSystem):
    """A chat under test."""

    machines = "bayou.families.chat.machines"


def open_system(stage: Stage) -> ChatSystem:
    """Return the system of a new run, in which nothing has been started yet."""
    return ChatSystem(stage, settings_of(stage.options.get("chat", {})))


add_start(COMMANDS, "start")


@COMMANDS.command(
    "sendMessage",
    ("client", CLIENT),
    ("text", REST),
    does=f"lets a client send a message, the rest of the line, of at most {MESSAGE_BYTES_MAX >> 10} KiB",
    until="nothing more moves; free-running: the client has been told",
    example="sendMessage 0 hello world",
    group=CHAT,
)
def send_message(system: ChatSystem, client: int, text: str) -> None:
    if len(to_bytes(text)) > MESSAGE_BYTES_MAX:
        raise BadLine(f"a message of {len(to_bytes(text))} bytes; {MESSAGE_BYTES_MAX} are the limit")
    system.say(client, text)
    system.pace.settle()


@COMMANDS.command(
    "printChatLog",
    ("client", CLIENT),
    does="prints what has been delivered to a client: slot, sender and text of each message",
    until="it is printed",
    example="printChatLog 1",
    group=CHAT,
)
def print_chat_log(system: ChatSystem, client: int) -> None:
    system.print_page(system.address_of(client))


add_skip_slots(COMMANDS)
add_faults(COMMANDS)
add_weather(COMMANDS)
add_partitions(COMMANDS)
add_all_clear(COMMANDS)
