"""What the tests share: onetimed itself, and servers that answer as they are told."""

import http.server
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import traceback
import unittest
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, cast

from onetimed import Onetime, OnetimeError

# The key of a caller that may do all, and of one that may start only: testdata/onetimed.json has their digests.
KEY = "a-key-of-the-clients-tests-that-may-do-all"
STARTING_KEY = "a-key-of-the-clients-tests-that-only-starts"
CODE = "4711"

REPOSITORY = Path(__file__).resolve().parents[3]
DOCUMENT: Dict[str, Any] = json.loads((REPOSITORY / "onetimed" / "openapi.json").read_text("utf-8"))

# No proxy of the environment stands between the tests and their servers.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

YES = {"subject": "ann@example.com", "purpose": "login", "kind": "otp", "issued_at": "2026-01-02T03:04:05.678901Z", "undo": "undo"}
STARTED = {"id": "id", "expires_in": 300, "resend_in": 30, "delivery": {"channel": "mail", "state": "queued"}}


def problem(status: int, reason: str, **more: Any) -> Dict[str, Any]:
    """Returns a problem as onetimed has it."""
    return {"type": "about:blank", "title": "Title", "status": status, "detail": "Detail.", "reason": reason, "request_id": "request-1", **more}


class Served(unittest.TestCase):
    """Tests with a onetimed, on a port that is free. TESTED_SERVER is the program; it is built if not set."""

    url: str
    onetime: Onetime

    @classmethod
    def setUpClass(cls) -> None:
        program = os.environ.get("TESTED_SERVER", "")
        if not program:
            folder = tempfile.TemporaryDirectory()
            cls.addClassCleanup(folder.cleanup)
            program = os.path.join(folder.name, "onetimed")
            subprocess.run(["go", "build", "-o", program, "./onetimed"], cwd=REPOSITORY, check=True)
        config = REPOSITORY / "clients" / "testdata" / "onetimed.json"
        log = tempfile.TemporaryFile("w+")
        cls.addClassCleanup(log.close)
        server = subprocess.Popen(
            [program, f"--config={config}", "--listen=127.0.0.1:0", "--monitor-listen=off"], stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert server.stdout is not None
        cls.addClassCleanup(server.stdout.close)
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.terminate)
        for line in server.stdout:
            found = re.match(r"Try the commands on (http:\S+)/", line)
            if found:
                break
        else:
            log.seek(0)
            raise AssertionError(log.read())
        threading.Thread(target=server.stdout.read, daemon=True).start()  # or the server would wait for a reader
        cls.url = found.group(1)
        cls.onetime = Onetime(cls.url, KEY)

    def message(self, to: str) -> Dict[str, Any]:
        """Takes the next message to an address out of the inbox of development."""
        with _direct.open(f"{self.url}/inbox.json", urllib.parse.urlencode({"to": to}).encode("ascii")) as response:
            return json.load(response)


class Request(NamedTuple):
    """A request that a server got."""

    method: str
    path: str
    headers: Dict[str, str]
    body: bytes


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the server is told."""

    protocol_version = "HTTP/1.1"
    def handle_one_request(self) -> None:
        self.close_connection = True
        super().handle_one_request()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        server = cast("Hostile", self.server)
        server.requests.append(Request(self.command, self.path, headers, body))
        try:
            server.answer(self, len(server.requests))
        except OSError:
            pass  # the client is gone
        self.close_connection = True

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def send(self, status: int, kind: Optional[str], body: bytes, **headers: str) -> None:
        self.send_response(status)
        if kind is not None:
            self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status >= 200 and status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def json(self, status: int, body: Any, **headers: str) -> None:
        self.send(status, "application/json" if status < 400 else "application/problem+json", json.dumps(body).encode("utf-8"), **headers)

    def cut(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)


def receive(sock: socket.socket) -> None:
    """Reads one request. To close a socket before all is read would reset it, and what was answered could be lost."""
    got = b""
    while b"\r\n\r\n" not in got:
        part = sock.recv(1 << 16)
        if not part:
            return
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\ncontent-length: ([0-9]+)", head)
    left = int(length.group(1)) - len(body) if length else 0
    while left > 0:
        left -= len(sock.recv(left))


Answering = Callable[[Handler, int], object]


class Hostile(http.server.ThreadingHTTPServer):
    """A server of HTTP that answers as it is told, and keeps the requests that it got."""

    daemon_threads = True

    def __init__(self, answer: Answering) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.requests: List[Request] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def client(self, **settings: Any) -> Onetime:
        return Onetime(self.url, KEY, **settings)


class Attacked(unittest.TestCase):
    """Tests with servers that are not onetimed."""

    def hostile(self, answer: Answering) -> Hostile:
        server = Hostile(answer)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def raw(self, answer: Callable[[socket.socket], object], before: Optional[Callable[[socket.socket], object]] = None) -> str:
        """Runs a server that writes bytes to each connection, after a request or what before reads, and returns its URL."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock:
                    try:
                        (before or receive)(sock)
                        answer(sock)
                        sock.shutdown(socket.SHUT_WR)
                        while sock.recv(1 << 16):
                            pass
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def fails(self, call: Callable[[], object]) -> OnetimeError:
        """Fails a call, looks whether its error holds what it must not, and returns it."""
        try:
            call()
        except OnetimeError as error:
            told = "".join(traceback.format_exception(type(error), error, error.__traceback__)) + repr(error) + repr(vars(error))
            self.assertNotIn(KEY, told)
            self.assertNotIn(CODE, str(error) + repr(vars(error)))
            self.assertIsNone(error.__context__, "what failed is not kept")
            self.assertIsNone(error.__cause__)
            return error
        self.fail("it was taken as a yes")
