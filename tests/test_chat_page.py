"""The page on running a cluster by hand is followed, line by line."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from bayou.cluster.config import read_config
from tests.clusters import BAYOU, Cluster
from tests.processes import wait_until

PAGE = Path(__file__).parent.parent / "docs" / "chat-cluster.md"


def blocks(kind: str) -> list[list[str]]:
    """Return the lines of the blocks of that kind."""
    found = re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [block.splitlines() for block in found]


def shown(cluster: Cluster, line: str) -> str:
    """Return a line with what is different each time as it stands on the page."""
    for id, place in enumerate(cluster.config.servers):
        line = line.replace(f"127.0.0.1:{place.port},", f"127.0.0.1:{7400 + id},")
    line = re.sub(r"\b\d{15,20}:", "9105381340215763211:", line)
    return re.sub(r"has slots below \d", "has slots below 2", line)


@pytest.mark.processes
def test_what_stands_on_the_page_is_what_one_sees(tmp_path: Path) -> None:
    (made,) = blocks("console")
    command = shlex.split(made[0].removeprefix("$ bayou chat "))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    done = subprocess.run([*BAYOU, *command], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == made[1:]
    with Cluster(tmp_path, *command[1:]) as cluster:
        told: dict[int, int] = {}

        def follow(id: int, block: list[str]) -> None:
            """Start the server if the block does, and wait for its lines, in this order."""
            if block[0].startswith("$"):
                assert block[0] == f"$ bayou chat serve --config cluster.json --id {id}"
                cluster.start(id)
            for line in block:
                if line.startswith("$"):
                    continue

                def look(id: int = id, line: str = line) -> bool:
                    lines = [shown(cluster, each) for each in cluster.told(id).splitlines()]
                    found = [at for at, each in enumerate(lines) if at >= told.get(id, 0) and each == line]
                    told[id] = found[0] + 1 if found else told.get(id, 0)
                    return bool(found)

                wait_until(look)

        zero, one, two = (blocks(f"console server {id}") for id in range(3))
        follow(0, zero[0])
        follow(1, one[0])
        follow(2, two[0])
        client = cluster.client()
        views = blocks("console client")
        assert views[0][0] == "$ bayou chat client --config cluster.json"
        seen = 0
        for number, view in enumerate(views):
            if number == 1:
                (killing,) = [block for block in blocks("sh") if block[0].startswith("kill")]
                subprocess.run(["sh", "-c", killing[0]], cwd=tmp_path, check=True)
                assert cluster.servers[0].wait(20) == -9
                follow(1, one[1])
            for line in view[number == 0 :]:
                if not re.match(r"\d+ \d+: ", line):
                    client.type(line)
                    continue
                seen += 1
                assert shown(cluster, client.wait_for(seen)[-1]) == line
            if number == 0:
                follow(2, two[1])
        follow(0, zero[1])
        assert client.end() == 0


def test_the_configuration_on_the_page_is_one(tmp_path: Path) -> None:
    ((text),) = ["\n".join(block) for block in blocks("json")]
    path = tmp_path / "cluster.json"
    path.write_text(text)
    config = read_config(str(path))
    assert [place.host for place in config.servers] == ["10.0.0.1", "10.0.0.2", "fd00::3"]
    fields = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)
    for field in fields:
        plain = json.loads(text)
        if field not in plain:
            plain[field] = 2
        path.write_text(json.dumps(plain))
        read_config(str(path))
    plain = json.loads(text)
    plain["another"] = 2
    path.write_text(json.dumps(plain))
    with pytest.raises(Exception, match="there are " + ", ".join(fields[:4])):
        read_config(str(path))
