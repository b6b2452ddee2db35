"""The commands of bells. ``start`` is one of the store, too, where it has less than two fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayou.families.family import System
from bayou.script.grammar import TEXT, BadLine, Field, Kind, parse_id
from bayou.script.registry import Registry
from bayou.worlds.world import NodeSpec
from tests.bells.messages import BeBell, Sound, Strike
from tests.bells.options import settings_of

if TYPE_CHECKING:
    from bayou.families.family import Stage

COMMANDS = Registry("bells")
GROUP = "bells"


class Tower(System):
    """All bells that hang."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.is_loud = settings_of(stage.options.get("bells", {}))
        self.bells: list[int] = []

    @property
    def nodes(self) -> list[int]:
        return self.bells

    def lose(self, node: int) -> None:
        self.bells.remove(node)


def open_system(stage: Stage) -> Tower:
    return Tower(stage)


def _hanging(text: str, field: Field, tower: Tower) -> int:
    bell = parse_id(text)
    if bell not in tower.bells:
        raise BadLine(f"there is no bell {bell}")
    return bell


def _bells(tower: Tower) -> list[str]:
    return [str(bell) for bell in tower.bells]


BELL = Kind("the id of a bell", _hanging, offers=_bells)


@COMMANDS.command(
    "start",
    ("id", TEXT),
    ("sound", TEXT),
    does="hangs a bell",
    until="it hangs",
    example="start 1 ding",
    group=GROUP,
)
def start(tower: Tower, text: str, sound: str) -> None:
    bell = parse_id(text)
    if bell in tower.bells:
        raise BadLine(f"there is a bell {bell} already")
    what = BeBell(sound.upper() if tower.is_loud else sound)
    tower.world.start(NodeSpec(bell, f"bell {bell}", True, "tests.bells.machines", what), [])
    tower.bells.append(bell)


@COMMANDS.command(
    "strike",
    ("id", BELL),
    does="lets a bell sound",
    until="its sound is printed",
    example="strike 1",
    group=GROUP,
)
def strike(tower: Tower, bell: int) -> None:
    sound = tower.ask(bell, Strike(), Sound)
    tower.stage.print([f"{sound.sound} {sound.times}"])
