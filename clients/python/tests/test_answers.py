"""Answers that are not those of onetimed: none may ever be taken as a yes."""

import gzip
import json
import os
import pickle
import socket
import struct
import unittest
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, Optional, Tuple

from fixture import CODE, KEY, STARTED, YES, Answering, Attacked, Handler, Hostile, problem
from onetimed import CheckOut, Flaw, Onetime, OnetimeError, RefusedError, UndecidedError


def send(status: int, kind: Optional[str], body: bytes = b"") -> Answering:
    return lambda handler, _: handler.send(status, kind, body)


def said(body: Any) -> bytes:
    return json.dumps(body).encode("utf-8")


def without(member: str) -> Dict[str, Any]:
    return {name: value for name, value in YES.items() if name != member}


JSON, PROBLEM = "application/json", "application/problem+json"

NO_YES: Dict[str, Answering] = {
    "HTML with 200": send(200, "text/html", b"<h1>Log in to the network</h1>"),
    "a yes as HTML": send(200, "text/html", said(YES)),
    "a yes without a type": send(200, None, said(YES)),
    "a yes of two types": send(200, "application/json, text/html", said(YES)),
    "a yes of two headers": lambda handler, _: handler.send(200, JSON, said(YES), Content_type="text/html"),
    "a yes in another charset": send(200, "application/json; charset=utf-16", said(YES)),
    "a yes in two charsets": send(200, "application/json; charset=utf-8; charset=utf-16", said(YES)),
    "truncated JSON": send(200, JSON, said(YES)[:-1]),
    "JSON and more": send(200, JSON, said(YES) * 2),
    "JSON behind a byte order mark": send(200, JSON, b"\xef\xbb\xbf" + said(YES)),
    "no UTF-8": send(200, JSON, json.dumps({**YES, "subject": "ä"}, ensure_ascii=False).encode("latin-1")),
    "NaN": send(200, JSON, said({**YES, "more": float("nan")})),
    "a number of too many digits": send(200, JSON, said(YES)[:-1] + b', "more": ' + b"9" * 100_000 + b"x}"),
    "nothing": send(200, JSON),
    "null": send(200, JSON, b"null"),
    "true": send(200, JSON, b"true"),
    "a list": send(200, JSON, said([YES])),
    "an empty object": send(200, JSON, b"{}"),
    "nested too deeply": send(200, JSON, b"[" * 100_000),
    "a problem with 200": send(200, PROBLEM, said(problem(200, "code_mismatch"))),
    "a problem as JSON with 200": send(200, JSON, said(problem(422, "code_mismatch"))),
    "a yes as a problem": send(200, PROBLEM, said(YES)),
    "no subject": send(200, JSON, said(without("subject"))),
    "a subject that is null": send(200, JSON, said({**YES, "subject": None})),
    "a subject that is a number": send(200, JSON, said({**YES, "subject": 7})),
    "a flag that is a text": send(200, JSON, said({**YES, "fixed_code": "false"})),
    "a flag that is a number": send(200, JSON, said({**YES, "fixed_code": 0})),
    "an undo that is null": send(200, JSON, said({**YES, "undo": None})),
    **{f"issued at {at}": send(200, JSON, said({**YES, "issued_at": at})) for at in ("yesterday", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "9999-12-31T23:59:59-23:59", 7)},
    **{f"a yes with {status}": send(status, JSON, said(YES)) for status in (201, 202, 203, 206, 300, 400, 404, 422, 500, 503)},
    "no content": send(204, None),
    "HTML with 404": send(404, "text/html", b"<h1>Not found</h1>"),
    "HTML with 502": send(502, "text/html", b"<h1>Bad gateway</h1>"),
    "a problem as JSON with 422": send(422, JSON, said(problem(422, "code_mismatch"))),
    "a problem of another status": send(422, PROBLEM, said(problem(409, "used"))),
    "a problem that is a list": send(422, PROBLEM, b"[]"),
    "a problem that is no JSON": send(422, PROBLEM, b"{"),
    "a problem without a reason": send(422, PROBLEM, said({"status": 422})),
    "a reason that is none": send(422, PROBLEM, said(problem(422, "code\r\nmismatch"))),
}

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def endless(start: bytes, part: bytes) -> Callable[[socket.socket], None]:
    def answer(sock: socket.socket) -> None:
        sock.sendall(start)
        while True:
            sock.sendall(part)

    return answer


LOST: Dict[str, Callable[[socket.socket], object]] = {
    "no answer": lambda sock: None,
    "a reset": reset,
    "a body shorter than its length": lambda sock: sock.sendall(HEAD + b"Content-Length: 5000\r\n\r\n" + said(YES)),
    "chunks without an end": lambda sock: sock.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(said(YES)), said(YES))),
    "chunks of no size": lambda sock: sock.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
}

ODD: Dict[str, Callable[[socket.socket], object]] = {
    "no HTTP": lambda sock: sock.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "a head that ends": lambda sock: sock.sendall(HEAD),
    "headers without an end": endless(HEAD, b"X-More: " + b"x" * 1000 + b"\r\n"),
    "a header without an end": endless(HEAD + b"X-More: ", b"x" * 1000),
    "a body without an end": endless(HEAD + b"\r\n", b" " * 65536),
    "chunks without a bound": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "a length beyond all bounds": endless(HEAD + b"Content-Length: 99999999999999999999\r\n\r\n", b" " * 65536),
    "the key as its protocol": lambda sock: sock.sendall(KEY.encode("ascii") + b"\r\n"),
}


class TestAnswers(Attacked):
    def check(self, server: Hostile) -> Callable[[], CheckOut]:
        return lambda: server.client(retries=0).check("id", CODE)

    def test_what_is_not_an_answer_of_onetimed_is_no_yes_and_no_refusal(self) -> None:
        for name, answer in NO_YES.items():
            with self.subTest(name):
                error = self.fails(self.check(self.hostile(answer)))
                self.assertIsInstance(error, UndecidedError)
                self.assertNotIsInstance(error, RefusedError)
                self.assertEqual(error.code, "bad_answer")
                self.assertIsInstance(error.status, int)

    def test_what_is_lost_is_no_yes(self) -> None:
        for code, answers in (("connection", LOST), ("bad_answer", ODD)):
            for name, answer in answers.items():
                with self.subTest(name):
                    onetime = Onetime(self.raw(answer), KEY, retries=0)
                    error = self.fails(lambda: onetime.check("id", CODE))
                    self.assertIsInstance(error, UndecidedError)
                    self.assertEqual(error.code, code)

    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        error = self.fails(lambda: Onetime(url, KEY, retries=0).check("id", CODE))
        self.assertEqual((error.code, str(error)), ("connection", "onetimed: check: no answer: connection (ECONNREFUSED)"))

    def test_plain_http_where_tls_is_wanted_is_no_yes(self) -> None:
        url = self.raw(LOST["a body shorter than its length"], lambda sock: sock.recv(1 << 16)).replace("http:", "https:")
        error = self.fails(lambda: Onetime(url, KEY, retries=0).check("id", CODE))
        self.assertEqual(error.code, "connection")

    def test_a_call_whose_yes_is_204_takes_no_other(self) -> None:
        for answer in (send(200, JSON, b"{}"), send(200, None), send(202, None), send(205, None), send(201, JSON, said(YES))):
            client = self.hostile(answer).client(retries=0)
            for call in (lambda: client.undo("undo"), lambda: client.cancel("id"), lambda: client.admin.erase("login", "ann")):
                self.assertEqual(self.fails(call).code, "bad_answer")

    def test_an_access_token_that_is_active_as_a_text_is_not(self) -> None:
        server = self.hostile(lambda handler, _: handler.json(200, {"active": "false"}))
        self.assertEqual(self.fails(lambda: server.client().introspect("token")).code, "bad_answer")

    def test_no_redirect_is_followed_and_the_key_goes_nowhere_else(self) -> None:
        elsewhere = self.hostile(lambda handler, _: handler.json(200, YES))
        for status in (301, 302, 303, 307, 308):
            def answer(handler: Handler, _: int, status: int = status) -> None:
                handler.send(status, None, b"", Location=elsewhere.url)

            error = self.fails(self.check(self.hostile(answer)))
            self.assertIsInstance(error, UndecidedError)
            self.assertEqual(error.status, status)
        self.assertEqual(elsewhere.requests, [])

    def test_a_proxy_of_the_environment_does_not_get_the_key(self) -> None:
        proxy = self.hostile(lambda handler, _: handler.json(200, YES))
        server = self.hostile(lambda handler, _: handler.json(200, {**YES, "subject": "server"}))
        names = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
        before = {name: os.environ.pop(name, None) for name in (*names, "no_proxy", "NO_PROXY")}
        try:
            os.environ.update({name: proxy.url for name in names})
            self.assertEqual(self.check(server)().subject, "server")
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
        self.assertEqual(proxy.requests, [])

    def test_an_answer_that_would_unpack_without_an_end_is_not_unpacked(self) -> None:
        bomb = gzip.compress(bytes(64 << 20), 1)[: 200 << 10]
        server = self.hostile(lambda handler, _: handler.send(200, JSON, bomb, Content_Encoding="gzip"))
        self.assertEqual(self.fails(self.check(server)).code, "bad_answer")

    def test_members_that_are_not_known_are_left_to_newer_clients(self) -> None:
        proof = self.check(self.hostile(lambda handler, _: handler.json(200, {**YES, "of_tomorrow": True})))()
        self.assertEqual(proof, self.check(self.hostile(lambda handler, _: handler.json(200, YES)))())
        self.assertEqual(proof.issued_at, datetime(2026, 1, 2, 3, 4, 5, 678901, timezone.utc))

    def test_times_are_read_in_all_spellings_of_rfc_3339(self) -> None:
        want = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
        for at, more in (("2026-01-02T03:04:05Z", 0), ("2026-01-02T05:04:05+02:00", 0), ("2026-01-02T03:04:05.1Z", 100_000), ("2026-01-02T03:04:05.123456789Z", 123_456)):
            def answer(handler: Handler, _: int, at: str = at) -> None:
                handler.json(200, {**YES, "issued_at": at})

            self.assertEqual(self.check(self.hostile(answer))().issued_at, want + timedelta(microseconds=more))

    def test_a_refusal_tells_what_the_server_knows(self) -> None:
        server = self.hostile(lambda handler, _: handler.json(422, problem(422, "code_mismatch", attempts_left=0, retry_after=9)))
        error = self.fails(self.check(server))
        self.assertIsInstance(error, RefusedError)
        self.assertEqual(str(error), "onetimed: check: code_mismatch")
        told = (error.code, error.status, error.attempts_left, error.retry_after, error.request_id, error.flaws)
        self.assertEqual(told, ("code_mismatch", 422, 0, 9, "request-1", ()))
        copy: OnetimeError = pickle.loads(pickle.dumps(error))
        self.assertIsInstance(copy, RefusedError)
        self.assertEqual((str(copy), vars(copy)), (str(error), vars(error)))

    def test_a_reason_of_a_newer_server_is_passed_on_and_5xx_is_undecided_whatever_it_says(self) -> None:
        kinds: Dict[int, "type[OnetimeError]"] = {418: RefusedError, 500: UndecidedError, 503: UndecidedError}
        for status, kind in kinds.items():
            def answer(handler: Handler, _: int, status: int = status) -> None:
                handler.json(status, problem(status, "of_tomorrow"))

            error = self.fails(self.check(self.hostile(answer)))
            self.assertIs(type(error), kind)
            self.assertEqual(error.code, "of_tomorrow")

    def test_what_a_server_reflects_or_makes_up_is_not_shown(self) -> None:
        flaws = [
            None,
            7,
            {"pointer": "#/a", "detail": KEY},
            {"pointer": f"#/{KEY}", "detail": "a"},
            {"pointer": "#/b", "detail": "two\nlines"},
            {"pointer": "#/c", "detail": "want c"},
        ]
        made_up = problem(422, "invalid", attempts_left=-1, retry_after="soon", errors=flaws, title=KEY, key=KEY)
        made_up.update(request_id=KEY, detail=KEY)
        error = self.fails(self.check(self.hostile(lambda handler, _: handler.json(422, made_up))))
        self.assertEqual((error.request_id, error.attempts_left, error.retry_after), (None, None, None))
        self.assertEqual(error.flaws, (Flaw(pointer="#/c", detail="want c"),))
        self.assertEqual(str(error), "onetimed: check: invalid; #/c: want c")
        odd = self.fails(self.check(self.hostile(lambda handler, _: handler.send(422, KEY, KEY.encode("ascii"), X_Key=KEY))))
        self.assertEqual(odd.code, "bad_answer")

    def test_start_wants_all_that_it_promises(self) -> None:
        wrongs: Tuple[Dict[str, Any], ...] = ({"delivery": {}}, {"expires_in": 1.5}, {"expires_in": "300"}, {"expires_in": True}, {"id": None})
        for wrong in wrongs:
            def answer(handler: Handler, _: int, wrong: Dict[str, Any] = wrong) -> None:
                handler.json(201, {**STARTED, **wrong})

            server = self.hostile(answer)
            self.assertEqual(self.fails(lambda: server.client(retries=0).start("login", "ann")).code, "bad_answer")


if __name__ == "__main__":
    unittest.main()
