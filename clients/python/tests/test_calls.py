"""What calls send, how often, and how they end."""

import copy
import inspect
import pickle
import re
import socket
import threading
import time
import unittest
from typing import Any, Callable, Dict, Tuple, cast

import onetimed
from fixture import DOCUMENT, KEY, STARTED, YES, Answering, Attacked, Handler, problem
from onetimed import Client, Onetime, UndecidedError

URL = "https://id.example.com"

EVIL: Tuple[Any, ...] = (
    *("", ".", "..", "../admin", "login/../admin", "a?b", "a#b", "a%2e%2e", "a b", "a\r\nX-Evil: 1", "a\n", "a\0", "ä", "\u2025"),
    *(None, 7, {}, ["login"], b"login"),
)


class TestSettings(unittest.TestCase):
    def test_a_client_shows_no_key(self) -> None:
        client = Onetime(URL, KEY)
        self.assertEqual(repr(client), "<Onetime of id.example.com>")
        self.assertNotIn(KEY, repr(client.admin) + str(client))
        self.assertFalse(hasattr(client, "__dict__"))
        for leave in (pickle.dumps, copy.copy, copy.deepcopy):
            with self.assertRaises(TypeError):
                leave(client)

    def test_settings_that_are_wrong_are_refused_without_their_values(self) -> None:
        loose: Dict[str, Any] = {"dangerously_allow_http": "false"}
        table: Tuple[Any, ...] = (
            ("id.example.com/hunter2", KEY, {}, "url: want a host"),
            ("https://[hunter2", KEY, {}, "url: want a URL"),
            ("https://id.example.com:hunter2", KEY, {}, "url: want a URL"),
            (f"https://{'hunter2' * 10}.example.com", KEY, {}, "url: want a URL"),
            ("http://id.example.com", KEY, {}, "url: want https"),
            ("http://127.0.0.1.example.com", KEY, {}, "url: want https"),
            ("http://localhost.example.com", KEY, {}, "url: want https"),
            ("ftp://localhost", KEY, {}, "url: want https"),
            ("ftp://id.example.com", KEY, {"dangerously_allow_http": True}, "url: want https"),
            ("http://id.example.com", KEY, loose, "url: want https"),
            ("https://hunter2@id.example.com", KEY, {}, "and no user"),
            ("https://id.example.com?hunter2", KEY, {}, "and no user"),
            ("https://id.example.com/a\r\nX-Evil: hunter2", KEY, {}, "plain path"),
            (URL, "hunter2", {}, "key: want 16 to 512"),
            (URL, None, {}, "key: want 16 to 512"),
            *((URL, f"hunter2-hunter2-hunter2{end}", {}, "key: want 16 to 512") for end in ("\n", "\r\nX-Evil: 1", "\0", " ", "ä", "\u2028")),
            (URL, KEY, {"timeout": 0}, "timeout: want 0.1 to 50 s"),
            (URL, KEY, {"timeout": float("nan")}, "timeout: want 0.1"),
            (URL, KEY, {"timeout": 51}, "timeout: want 0.1"),
            (URL, KEY, {"retries": 6}, "retries: want 0 to 5"),
            (URL, KEY, {"retries": True}, "retries: want 0 to 5"),
        )
        for url, key, settings, want in table:
            with self.subTest(url=url, settings=settings):
                with self.assertRaises(ValueError) as raised:
                    Onetime(url, key, **settings)
                self.assertIn(want, str(raised.exception))
                self.assertNotIn("hunter2", str(raised.exception))
        for url in ("http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1", "https://example.com/onetime/"):
            Onetime(url, KEY)
        Onetime("http://onetimed:8080", KEY, dangerously_allow_http=True)


class TestDocument(unittest.TestCase):
    def test_there_is_a_method_with_each_member_for_each_call_that_wants_a_key(self) -> None:
        client, seen = Onetime(URL, KEY), 0
        for methods in DOCUMENT["paths"].values():
            for call in methods.values():
                if not any("key" in each for each in call.get("security", [])):
                    continue
                seen += 1
                name = call["operationId"].replace("-", "_")
                method = getattr(client.admin, name[6:]) if name.startswith("admin_") else getattr(client, name)
                want = {"timeout"} | {each["name"] for each in call["parameters"] if each["in"] == "path"}
                if any(each["name"] == "Idempotency-Key" for each in call["parameters"]):
                    want.add("idempotency_key")
                for content in call.get("requestBody", {}).get("content", {}).values():
                    schema = content["schema"]
                    if "$ref" in schema:
                        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
                    want |= schema["properties"].keys() - {"token_type_hint"}
                self.assertEqual(set(inspect.signature(method).parameters), want, name)
        self.assertGreaterEqual(seen, 14)

    def test_what_is_exported_exists_and_is_described(self) -> None:
        for name in onetimed.__all__:
            self.assertTrue(name in ("Channel", "Kind") or inspect.getdoc(getattr(onetimed, name)), name)


Calls = Dict[str, Callable[[Onetime], object]]

REPEATED: Calls = {
    "start": lambda client: client.start("login", "ann"),
    "resend": lambda client: client.resend("id"),
    "check": lambda client: client.check("id", "123456"),
    "check_service": lambda client: client.check_service("login", token="token"),
    "status": lambda client: client.status("id"),
    "cancel": lambda client: client.cancel("id"),
}
SINGLE: Calls = {
    "inspect": lambda client: client.inspect("login", "token"),
    "undo": lambda client: client.undo("undo"),
    "introspect": lambda client: client.introspect("token"),
    "admin.status": lambda client: client.admin.status("login", "ann"),
    "admin.explain": lambda client: client.admin.explain("login", "ann"),
    "admin.revoke": lambda client: client.admin.revoke("login", "ann"),
    "admin.unlock": lambda client: client.admin.unlock("login", "ann"),
    "admin.erase": lambda client: client.admin.erase("login", "ann"),
}


def undecided(handler: Handler, _: int) -> None:
    handler.json(503, problem(503, "undecided"))


def cut(handler: Handler, _: int) -> None:
    handler.cut()


def bad_gateway(handler: Handler, _: int) -> None:
    handler.send(502, "text/html", b"<h1>Bad gateway</h1>")


class TestCalls(Attacked):
    def test_values_do_not_leave_their_place_in_path_and_headers(self) -> None:
        server = self.hostile(lambda handler, _: handler.json(200, YES))
        client = server.client()
        for value in EVIL:
            for call in (
                lambda: client.start(value, "ann"),
                lambda: client.check_service(value, token="token"),
                lambda: client.check(value, "123456"),
                lambda: client.resend(value),
                lambda: client.status(value),
                lambda: client.cancel(value),
                lambda: client.admin.erase(value, "ann"),
                lambda: client.check("id", "123456", idempotency_key=value),
            ):
                with self.assertRaises(ValueError) as raised:
                    call()
                self.assertNotIn("Evil", str(raised.exception))
        with self.assertRaises(ValueError):
            client.status("i" * 4097)
        self.assertEqual(server.requests, [])

    def test_what_is_none_is_refused_and_not_left_out(self) -> None:
        server = self.hostile(lambda handler, _: handler.json(200, YES))
        client = server.client()
        nothing = cast(Any, None)
        for call in (
            lambda: client.check_service("login", token="token", subject=nothing),
            lambda: client.start("login", "ann", binding=nothing),
            lambda: client.undo(nothing),
            lambda: client.introspect(nothing),
        ):
            with self.assertRaisesRegex(TypeError, "is None: leave it out"):
                call()
        values: Tuple[Any, ...] = (b"ann", "\ud800", float("nan"), object())
        for value in values:
            with self.assertRaises(TypeError):
                client.start("login", value)
            with self.assertRaises(TypeError):
                client.introspect(value)
        with self.assertRaises(ValueError):
            client.undo("undo", timeout=0)
        self.assertEqual(server.requests, [])

    def test_a_call_is_sent_as_the_document_has_it(self) -> None:
        server = self.hostile(lambda handler, _: handler.json(201, STARTED))
        Onetime(f"{server.url}/onetime/", KEY).start("login", "ann ä", client=Client(user_agent="Firefox"), decoy=False)
        request = server.requests[0]
        self.assertEqual((request.method, request.path), ("POST", "/onetime/v1/services/login/verifications"))
        self.assertEqual(request.headers["authorization"], f"Bearer {KEY}")
        self.assertEqual(request.headers["content-type"], "application/json")
        self.assertEqual(request.body.decode(), '{"subject": "ann ä", "decoy": false, "client": {"user_agent": "Firefox"}}')

    def test_what_is_safe_to_repeat_is_sent_again_as_one_request(self) -> None:
        for name, call in REPEATED.items():
            for answer in (undecided, cut, bad_gateway):
                with self.subTest(name, answer=answer.__name__):
                    server = self.hostile(answer)
                    self.assertIsInstance(self.fails(lambda: call(server.client())), UndecidedError)
                    self.assertEqual(len(server.requests), 3)
                    keys = {each.headers.get("idempotency-key", "") for each in server.requests}
                    self.assertEqual((len(keys), len({each.body for each in server.requests})), (1, 1))
                    key = keys.pop()
                    self.assertRegex(key, "^$" if name in ("status", "cancel") else "^[0-9a-f]{64}$")
                    self.fails(lambda: call(server.client(retries=0)))
                    self.assertEqual(len(server.requests), 4)
                    if key:
                        self.assertNotEqual(server.requests[3].headers["idempotency-key"], key, "another call is another request")

    def test_nothing_else_is_sent_again(self) -> None:
        for name, call in SINGLE.items():
            for answer in (undecided, cut):
                with self.subTest(name, answer=answer.__name__):
                    server = self.hostile(answer)
                    self.assertIsInstance(self.fails(lambda: call(server.client(retries=5))), UndecidedError)
                    self.assertEqual(len(server.requests), 1)
                    self.assertNotIn("idempotency-key", server.requests[0].headers)

    def test_a_lost_answer_is_followed_by_the_yes(self) -> None:
        def answer(handler: Handler, n: int) -> None:
            if n == 3:
                handler.json(200, {**YES, "repeated": True})
            else:
                (cut if n == 1 else undecided)(handler, n)

        self.assertTrue(self.hostile(answer).client().check("id", "123456").repeated)

    def test_a_refusal_what_is_no_answer_of_onetimed_and_missing_keys_are_not_asked_again(self) -> None:
        answers: Tuple[Answering, ...] = (
            lambda handler, _: handler.json(429, problem(429, "codes_locked", retry_after=1), Retry_After="1"),
            lambda handler, _: handler.json(503, problem(503, "no_signing_keys")),
            lambda handler, _: handler.send(200, "text/html", b"<html>"),
        )
        for answer in answers:
            server = self.hostile(answer)
            self.fails(lambda: REPEATED["check"](server.client()))
            self.assertEqual(len(server.requests), 1)

    def test_retry_after_is_waited_for_as_problem_or_as_header_of_a_proxy(self) -> None:
        firsts: Tuple[Answering, ...] = (
            lambda handler, _: handler.json(503, problem(503, "undecided", retry_after=1)),
            lambda handler, _: handler.send(503, None, b"", Retry_After="1"),
        )
        for first in firsts:
            at: "list[float]" = []

            def answer(handler: Handler, n: int, first: Answering = first) -> None:
                at.append(time.monotonic())
                if n == 1:
                    first(handler, n)
                else:
                    handler.json(200, YES)

            REPEATED["check"](self.hostile(answer).client())
            self.assertGreater(at[1] - at[0], 0.99)

    def test_a_wait_beyond_the_time_of_the_call_ends_it(self) -> None:
        server = self.hostile(lambda handler, _: handler.json(503, problem(503, "undecided", retry_after=3600)))
        error = self.fails(lambda: REPEATED["check"](server.client()))
        self.assertEqual((type(error), error.retry_after, len(server.requests)), (UndecidedError, 3600, 1))

    def test_an_attempt_that_hangs_leaves_time_for_another(self) -> None:
        def answer(handler: Handler, n: int) -> None:
            if n == 1:
                handler.connection.recv(1)  # until the client leaves
            else:
                handler.json(200, YES)

        server = self.hostile(answer)
        self.assertEqual(server.client(timeout=8, retries=1).check("id", "123456").subject, "ann@example.com")
        self.assertEqual(len(server.requests), 2)

    def test_a_server_that_hangs_or_drips_is_left_at_the_time_out(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        table: Tuple[Tuple[str, bytes, bytes], ...] = (
            ("hangs before the head", b"", b""),
            ("hangs in the head", head, b""),
            ("hangs in the body", head + b"Content-Length: 500\r\n\r\n{", b""),
            ("drips its status", b"HTTP/1.1 200 ", b"O"),
            ("drips its head", head, b"X-Drip: 1\r\n"),
            ("drips its body", head + b"\r\n", b" "),
            ("drips answers before the answer", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        )
        for name, start, drip in table:
            left = threading.Event()

            def answer(sock: socket.socket, start: bytes = start, drip: bytes = drip, left: threading.Event = left) -> None:
                try:
                    sock.sendall(start)
                    while drip:
                        sock.sendall(drip)
                        time.sleep(0.02)
                    while sock.recv(1):
                        pass
                finally:
                    left.set()

            with self.subTest(name):
                url = self.raw(answer)
                error = self.fails(lambda: Onetime(url, KEY, timeout=0.3).undo("undo"))
                self.assertEqual((type(error), error.code), (UndecidedError, "timeout"))
                self.assertTrue(left.wait(60), "the connection stays open")

    def test_a_server_that_hangs_in_the_handshake_is_left_at_the_time_out(self) -> None:
        url = self.raw(lambda sock: None).replace("http:", "https:")
        error = self.fails(lambda: Onetime(url, KEY, timeout=0.3).undo("undo"))
        self.assertEqual((type(error), error.code), (UndecidedError, "timeout"))

    def test_threads_share_a_client(self) -> None:
        def answer(handler: Handler, n: int) -> None:
            found = re.search("[0-9]+$", handler.path)
            handler.json(200, {"state": found.group() if found else "", "expires_in": 1, "attempts_left": 1, "resend_in": 0, "check_in": 0})

        client = self.hostile(answer).client()
        got: Dict[str, str] = {}

        def ask(id: str) -> None:
            got[id] = client.status(id).state

        threads = [threading.Thread(target=ask, args=(str(n),)) for n in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(got, {str(n): str(n) for n in range(1, 9)})


if __name__ == "__main__":
    unittest.main()
