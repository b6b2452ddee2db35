"""A list that several people share, as a small web page: shopping, things to do, who brings what.

    python3 shared_list.py --file list.bayou                       # a list of its own, or else:
    python3 shared_list.py --file list.bayou --join 192.0.2.1:7474 --secret-file hub.bayou-secret

Then open http://127.0.0.1:8080/. This program has a replica of its own, so the page works whether or not any
server can be reached; what was changed meanwhile has a mark until the primary of the cluster has committed
it. The page is for the people at this machine only: it listens at 127.0.0.1, and everybody else runs a
program of their own.

What the list is, and what becomes of two people who change one entry side by side, stands in `the_list.py`;
here is what a browser asks and is told.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import bayou

from the_list import Refused, SharedList

HERE = Path(__file__).parent
FILES = {
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
BODY_MAX_BYTES = 16384
STREAMS_MAX = 32
LOOK_S = 1.0
"""How often to look whether the network has come or gone, of which no change tells."""

PING_S = 15.0
IDLE_S = 60.0

SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, shared: SharedList) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.shared = shared
        self.streams = threading.BoundedSemaphore(STREAMS_MAX)
        self.hosts = {f"{host}:{self.server_port}" for host in ("127.0.0.1", "localhost")}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is no error."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers one browser.

    Any page that a user of this machine visits can send requests here. So a request must name this host
    (which a foreign name that was made to point here does not), must not come from another origin, and a
    change must have a header that a foreign page could only send after asking, which nobody answers.
    """

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S

    def do_GET(self) -> None:
        self._carry_out(self._get)

    def do_POST(self) -> None:
        self._carry_out(self._change)

    def _carry_out(self, does: Callable[[], None]) -> None:
        try:
            if self.headers.get("Host") not in self.server.hosts:
                raise Refused(HTTPStatus.FORBIDDEN, "This page is at 127.0.0.1 only.")
            origin = self.headers.get("Origin")
            if origin is not None and origin.removeprefix("http://") not in self.server.hosts:
                raise Refused(HTTPStatus.FORBIDDEN, "This request comes from another page.")
            does()
        except Refused as refusal:
            self._say(refusal.status, str(refusal))
        except (ValueError, TypeError) as error:  # what no row can be
            self._say(HTTPStatus.BAD_REQUEST, str(error))
        except bayou.StorageFull as error:
            self._say(HTTPStatus.INSUFFICIENT_STORAGE, str(error))
        except bayou.Error as error:
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    def _get(self) -> None:
        if self.path == "/state":
            self._send(HTTPStatus.OK, "application/json", json.dumps(self.server.shared.state()).encode())
        elif self.path == "/stream":
            self._stream()
        elif self.path in FILES:
            name, kind = FILES[self.path]
            self._send(HTTPStatus.OK, kind, (HERE / name).read_bytes())
        else:
            raise Refused(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _change(self) -> None:
        asked = self._body()
        shared = self.server.shared
        match asked:
            case {"does": "add", "text": text}:
                shared.add(text)
            case {"does": "tick", "key": str(key), "was": str(was), "is_done": bool(is_done)}:
                shared.tick(key, was, is_done)
            case {"does": "rename", "key": str(key), "was": str(was), "text": text}:
                shared.rename(key, was, text)
            case {"does": "delete", "key": str(key), "was": str(was)}:
                shared.delete(key, was)
            case {
                "does": "settle",
                "id": str(id),
                "takes": "mine" | "theirs" as takes,
                "now": str() | None as now,
            }:
                shared.settle(id, takes, now)
            case _:
                raise Refused(HTTPStatus.BAD_REQUEST, "Nobody knows what that is to do.")
        self._send(HTTPStatus.OK, "application/json", b"{}")

    def _body(self) -> object:
        """Return what a change says. A body that is not read leaves the connection of no more use."""
        self.close_connection = True
        if self.path != "/change" or self.headers.get("X-Shared-List") != "1":
            raise Refused(HTTPStatus.FORBIDDEN, "Only the page itself changes anything.")
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or len(length) > 9:
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "How long is that?")
        if int(length) > BODY_MAX_BYTES:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "That is too long.")
        try:
            asked: object = json.loads(self.rfile.read(int(length)))
            json.dumps(asked, ensure_ascii=False).encode()  # a lone surrogate is no text
        except (ValueError, RecursionError):
            raise Refused(HTTPStatus.BAD_REQUEST, "That is no JSON.") from None
        self.close_connection = False
        return asked

    def _stream(self) -> None:
        """Send the state, and again whenever it is another one, as server-sent events."""
        shared = self.server.shared
        if not self.server.streams.acquire(blocking=False):
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Too many pages are open.")
        try:
            self.close_connection = True
            self._head(HTTPStatus.OK, "text/event-stream", None)
            version, sent, sent_at = shared.wait(-1, 0), "", 0.0
            while True:
                try:
                    state = json.dumps(shared.state())
                except bayou.Error as error:
                    state = json.dumps({"error": str(error)})
                now = time.monotonic()
                if state != sent:
                    self.wfile.write(f"data: {state}\n\n".encode())
                    sent, sent_at = state, now
                elif now >= sent_at + PING_S:
                    self.wfile.write(b": still here\n\n")
                    sent_at = now
                version = shared.wait(version, LOOK_S)
        finally:
            self.server.streams.release()

    def _say(self, status: HTTPStatus, why: str) -> None:
        self._send(status, "application/json", json.dumps({"error": why}).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self._head(status, kind, len(body))
        self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, length: int | None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        for name, value in SAFE.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *values: Any) -> None:
        """Say nothing of requests."""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="shared_list", description="A shared list as a web page.")
    made.add_argument("--file", default="list.bayou", help="where the list is kept (default: %(default)s)")
    made.add_argument(
        "--port", type=int, default=8080, help="of the page, at 127.0.0.1 (default: 8080; 0: any)"
    )
    made.add_argument(
        "--join", action="append", default=[], metavar="HOST:PORT", help="a server that has the list"
    )
    made.add_argument(
        "--secret-file", metavar="FILE", help="its secret (default: that of --file and -secret)"
    )
    made.add_argument("--listen", metavar="HOST:PORT", help="where other replicas may connect to this one")
    return made


def main() -> int:
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with bayou.open(
            options.file,
            join=options.join,
            secret=options.secret_file,
            listen=options.listen,
            keep_synced=options.join,
        ) as db:
            shared = SharedList(db)
            with Server(options.port, shared) as server:
                threading.Thread(target=shared.watch, daemon=True).start()
                print(f"http://127.0.0.1:{server.server_port}/", flush=True)
                server.serve_forever()
    except KeyboardInterrupt:
        return 0
    except (bayou.Error, ValueError, OverflowError, OSError) as error:
        print(f"shared_list: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
