"""The web page among the examples, with the programs that serve it, replicas, and a `bayou serve` that is not
always there; over HTTP, and in a headless Chromium where there is one."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.chromium import Chromium, find_chromium
from tests.clusters import free_ports
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Served, Servers

PROGRAM = Path(__file__).parent.parent / "examples" / "shared_list" / "shared_list.py"
OURS = {"X-Shared-List": "1"}
"""What the page itself sends along with a change."""

pytestmark = pytest.mark.processes


class App:
    """The program that serves the page, in a folder of its own."""

    def __init__(self, folder: Path, server: Served | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        words = [] if server is None else ["--join", server.address, "--secret-file", str(server.secret)]
        self.words = [sys.executable, str(PROGRAM), "--port", "0", *words]
        self.process: subprocess.Popen[str] | None = None
        self.port = 0

    def __enter__(self) -> App:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop(signal.SIGKILL)

    def start(self, **options: Any) -> App:
        self.process = subprocess.Popen(
            self.words, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            pytest.fail(self.process.communicate()[1])
        self.port = int(line.rsplit(":", 1)[1].rstrip("/\n"))
        return self

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it; return its exit status and what it has said."""
        assert self.process is not None
        self.process.send_signal(number)
        said = self.process.communicate(timeout=PATIENCE_S)[1]
        status, self.process = self.process.returncode, None
        return status, said

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def change(self, **what: object) -> int:
        return self.ask("POST", "/change", json.dumps(what).encode(), OURS)[0]

    def state(self) -> dict[str, Any]:
        status, body, _ = self.ask("GET", "/state")
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)
        return found

    def entries(self) -> list[tuple[str, str]]:
        """Return the texts, with marks: done, pending, going."""
        return [
            (
                entry["text"],
                "".join(mark[0] for mark in ("done", "pending", "going") if entry[f"is_{mark}"]),
            )
            for entry in self.state()["entries"]
        ]

    def key(self, text: str) -> str:
        return next(str(entry["key"]) for entry in self.state()["entries"] if entry["text"] == text)


@contextmanager
def stream(app: App) -> Iterator[Iterator[dict[str, Any]]]:
    """Yield the states that the program tells, as they come."""
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)
    connection.request("GET", "/stream")
    answer = connection.getresponse()
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    try:
        yield (json.loads(line[6:]) for line in iter(answer.readline, b"") if line.startswith(b"data: "))
    finally:
        answer.close()
        connection.close()


def test_a_list_of_its_own(tmp_path: Path) -> None:
    with App(tmp_path / "one") as app:
        assert app.state() == {"entries": [], "connected": 0, "is_primary": True, "waiting": 0}
        assert app.change(does="add", text="  milk\n and  bread ") == 200
        assert app.change(does="add", text="salt") == 200
        assert app.entries() == [("milk and bread", ""), ("salt", "")]
        assert app.change(does="tick", key=app.key("salt"), is_done=True) == 200
        assert app.entries() == [("milk and bread", ""), ("salt", "d")]
        assert app.change(does="delete", key=app.key("milk and bread")) == 200
        assert app.entries() == [("salt", "d")]
        assert app.stop() == (0, "")
        app.start()
        assert app.entries() == [("salt", "d")]
        assert app.stop(signal.SIGKILL)[0] == -signal.SIGKILL
        app.start()
        assert app.entries() == [("salt", "d")]
        assert app.change(does="tick", key=app.key("salt"), is_done=False) == 200
        assert app.stop(signal.SIGINT) == (0, "")


def test_two_people_and_a_server_that_goes_away(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        with App(tmp_path / "one", servers[0]) as one, App(tmp_path / "two", servers[0]) as two:
            assert one.change(does="add", text="milk") == 200
            for app in (one, two):
                wait_until(lambda app=app: app.entries() == [("milk", "")], PATIENCE_S)  # type: ignore[misc]
            servers[0].kill()
            for app in (one, two):
                wait_until(lambda app=app: app.state()["connected"] == 0, PATIENCE_S)  # type: ignore[misc]
            assert one.change(does="tick", key=one.key("milk"), is_done=True) == 200
            assert one.change(does="add", text="bread") == 200
            assert two.change(does="delete", key=two.key("milk")) == 200
            assert one.entries() == [("milk", "dp"), ("bread", "p")]
            assert two.entries() == [("milk", "pg")]
            assert one.state()["waiting"] == 2
            # The server is still away when one of them is killed and comes back.
            one.stop(signal.SIGKILL)
            one.start()
            assert one.entries() == [("milk", "dp"), ("bread", "p")]
            servers[0].start()
            # What was deleted stays deleted, though it was ticked off side by side.
            for app in (one, two):
                wait_until(lambda app=app: app.entries() == [("bread", "")], PATIENCE_S)  # type: ignore[misc]
            assert one.stop() == two.stop() == (0, "")


def test_the_stream_tells_what_changes(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        with (
            App(tmp_path / "one", servers[0]) as one,
            App(tmp_path / "two", servers[0]) as two,
            stream(one) as states,
        ):
            assert next(states)["entries"] == []
            two.change(does="add", text="milk")
            told = next(state["entries"] for state in states if state["entries"])
            assert told[0]["text"] == "milk"
            while told[0]["is_pending"]:
                told = next(states)["entries"]
            servers[0].stop()
            assert any(state["connected"] == 0 for state in states)
            one.change(does="add", text="bread")
            assert any(
                entry["is_pending"] and entry["text"] == "bread"
                for state in states
                for entry in state["entries"]
            )


def test_as_many_streams_as_there_may_be(tmp_path: Path) -> None:
    with App(tmp_path / "one") as app:
        sockets = []
        for _ in range(32):
            found = socket.create_connection(("127.0.0.1", app.port), PATIENCE_S)
            found.sendall(b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % app.port)
            assert found.recv(12) == b"HTTP/1.1 200"
            sockets.append(found)
        assert app.ask("GET", "/stream")[0] == 503
        assert app.change(does="add", text="milk") == 200
        for each in sockets:
            each.close()
        app.change(does="add", text="bread")

        def is_free() -> bool:
            with socket.create_connection(("127.0.0.1", app.port), PATIENCE_S) as found:
                found.sendall(b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % app.port)
                return found.recv(12) == b"HTTP/1.1 200"

        wait_until(is_free, PATIENCE_S)


def test_pages_of_others_change_and_see_nothing(tmp_path: Path) -> None:
    with App(tmp_path / "one") as app:
        app.change(does="add", text="secret")
        planted = json.dumps({"does": "add", "text": "planted"}).encode()
        tries: list[dict[str, str]] = [
            {},  # a form
            {"Content-Type": "text/plain"},
            {"X-Shared-List": "1", "Origin": "http://evil.example"},
            {"X-Shared-List": "1", "Origin": "null"},
            {"X-Shared-List": "1", "Origin": f"https://127.0.0.1:{app.port}"},
            {"X-Shared-List": "1", "Host": f"evil.example:{app.port}"},
        ]
        for headers in tries:
            assert app.ask("POST", "/change", planted, headers)[0] == 403, headers
        assert app.ask("OPTIONS", "/change", headers={"Origin": "http://evil.example"})[0] == 501
        for path in ("/", "/state", "/stream"):
            for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
                status, body, _ = app.ask("GET", path, headers=headers)
                assert (status, b"secret" in body) == (403, False)
        assert app.ask("POST", "/", b"{}", OURS)[0] == 403
        ours = {
            "X-Shared-List": "1",
            "Origin": f"http://localhost:{app.port}",
            "Host": f"localhost:{app.port}",
        }
        assert app.ask("POST", "/change", b'{"does": "add", "text": "ours"}', ours)[0] == 200
        assert app.entries() == [("secret", ""), ("ours", "")]
        assert app.ask("GET", "/")[2]["Content-Security-Policy"].startswith(
            "default-src 'none'; script-src 'self'"
        )


def test_bad_requests_are_refused_and_harm_nothing(tmp_path: Path) -> None:
    with App(tmp_path / "one") as app:
        for path in ("/nothing", "/../shared_list.py", "/shared_list.py", "/%2e%2e/x"):
            assert app.ask("GET", path)[0] == 404
        for what in (
            {},
            {"does": "add"},
            {"does": "add", "text": " \n"},
            {"does": "add", "text": 5},
            {"does": "add", "text": "x" * 201},
            {"does": "tick", "key": "a"},
            {"does": "tick", "key": "a", "is_done": "yes"},
            {"does": "delete", "key": ["a"]},
            {"does": "delete", "key": "k" * 1025},
            {"does": "delete", "key": "\udc00"},
            {"does": "add", "text": "\udc00"},
            {"does": "drop"},
        ):
            assert app.change(**what) == 400, what
        assert app.change(does="delete", key="nobody's") == 404
        assert app.change(does="tick", key="nobody's", is_done=True) == 404
        for text in (b"", b"{", b"[" * 4000, b"\xff", b"null", b"[]", b"1e999"):
            assert app.ask("POST", "/change", text, OURS)[0] == 400, text
        assert app.ask("POST", "/change", b" " * 5000, OURS)[0] == 413
        for length in ("-1", "x", "9" * 50, "\xb2"):
            assert app.ask("POST", "/change", b"", OURS | {"Content-Length": length})[0] == 411
        with socket.create_connection(("127.0.0.1", app.port), PATIENCE_S) as found:
            found.sendall(b"\0\1\2 not HTTP\r\n\r\n")
            while found.recv(4096):
                pass
        assert app.entries() == []
        assert app.change(does="add", text="<script>alert(1)</script>") == 200
        status, _, headers = app.ask("GET", "/state")
        assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert app.stop() == (0, "")


def test_a_program_that_can_not_begin_says_why(tmp_path: Path) -> None:
    def fails(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, str(PROGRAM), *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
        return done.stderr

    with App(tmp_path) as app:
        assert "in use by process" in fails("--port", "0")
        assert "in use" in fails("--file", "other.bayou", "--port", str(app.port))
    assert "HOST:PORT" in fails("--file", "third.bayou", "--join", "nonsense")
    (port,) = free_ports(1)
    assert "there is no secret" in fails("--file", "third.bayou", "--join", f"127.0.0.1:{port}")
    assert "0-65535" in fails("--file", "fourth.bayou", "--port", "99999")


TEXTS = (
    "[...document.querySelectorAll('#entries li')].map("
    "item => [...item.querySelectorAll('.text, .mark:not([hidden])')].map(each => each.innerText).join('|'))"
)


def test_the_page_in_a_browser(tmp_path: Path) -> None:
    program = find_chromium()
    if program is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        with (
            App(tmp_path / "one", servers[0]) as one,
            App(tmp_path / "two", servers[0]) as two,
            Chromium(program, tmp_path / "profile") as page,
        ):

            def shows(*texts: str) -> None:
                expected = json.dumps(list(texts), separators=(",", ":"))
                page.wait(f"JSON.stringify({TEXTS}) === {json.dumps(expected)}")

            def status(text: str) -> None:
                page.wait(f"document.getElementById('network').textContent === {json.dumps(text)}")

            page.go(one.url)
            status("In touch with 1 server")
            page.wait("!document.getElementById('empty').hidden")
            page.type("Milk")
            shows("Milk")
            page.wait("document.getElementById('text').value === ''")
            two.change(does="add", text="<img src=x onerror=alert(1)>")  # live, from elsewhere, and only text
            shows("Milk", "<img src=x onerror=alert(1)>")
            assert page.run("document.images.length") == 0
            page.click("#entries li:first-child label")
            wait_until(lambda: two.entries()[0] == ("Milk", "d"), PATIENCE_S)
            page.wait("document.querySelector('#entries li.done input').checked")

            # The server goes away: all goes on, with pending marks.
            servers[0].kill()
            status("Offline: changes wait here")
            page.click("#text")
            page.type("Bread")
            page.click("#entries li:nth-child(2) .delete")
            shows("Milk", "<img src=x onerror=alert(1)>|deletion pending", "Bread|pending")
            page.wait("document.getElementById('footer').textContent === '1 to do, 2 pending'")
            _draw(page, "offline")
            servers[0].start()
            shows("Milk", "Bread")
            status("In touch with 1 server")
            wait_until(lambda: two.entries() == [("Milk", "d"), ("Bread", "")], PATIENCE_S)

            # The program itself goes away, and comes back at the same port.
            assert page.complaints == []
            port = one.port
            one.stop()
            status("The program behind this page is gone")
            page.click("#text")
            page.type("Salt")
            page.wait("!document.getElementById('error').hidden")
            one.words[one.words.index("--port") + 1] = str(port)
            one.start()
            status("In touch with 1 server")
            page.click("#text")
            page.type("")
            shows("Milk", "Bread", "Salt")
            assert page.run("document.getElementById('error').hidden")


def _draw(page: Chromium, name: str) -> None:
    """Keep pictures where somebody asks for them: BAYOU_TEST_PICTURES=FOLDER."""
    folder = os.environ.get("BAYOU_TEST_PICTURES")
    if folder:
        for is_dark in (False, True):
            page.screenshot(Path(folder, f"{name}{'-dark' if is_dark else ''}.png"), is_dark=is_dark)
