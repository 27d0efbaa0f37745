"""One request and its answer, bounded in time and size."""

import errno
import http.client
import io
import socket
import ssl
import time
from typing import Any, Mapping, NamedTuple, Optional

from ._errors import undecided

MAX_ANSWER = 256 * 1024
"""How many bytes an answer may have. The largest of onetimed has a tenth."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Place(NamedTuple):
    """Where the server is."""

    host: str
    port: int
    tls: Optional[ssl.SSLContext]
    path: str


class _Clock:
    """The time that is left until a deadline."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise socket.timeout
        return left


class _Reader(io.RawIOBase):
    """Reads a socket until the deadline: a time-out of the socket's own starts anew with each byte."""

    def __init__(self, sock: socket.socket, clock: _Clock) -> None:
        self._sock = sock
        self._clock = clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._clock.left())
        return self._sock.recv_into(buffer)


class _Socket:
    """What http.client needs of a socket. Whoever opened the socket closes it."""

    def __init__(self, sock: socket.socket, clock: _Clock) -> None:
        self._sock = sock
        self._clock = clock

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(self._clock.left())
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._clock))

    def close(self) -> None:
        pass


def exchange(call: str, place: Place, method: str, path: str, headers: Mapping[str, str], body: Optional[bytes], timeout: float) -> Answer:
    """Sends one request and reads its whole answer within timeout seconds.

    Redirects are not followed: they would take the key elsewhere. Proxies of the environment are not used. Only the look-up of
    the host's name takes as long as the system lets it.
    """
    clock = _Clock(timeout)
    try:
        with _connect(place, clock) as sock:
            return _send(sock, clock, place, method, path, headers, body)
    except socket.timeout:
        error = undecided(call, "timeout")
    except ssl.SSLError as failed:
        error = undecided(call, "connection", failed.reason or type(failed).__name__)
    except OSError as failed:
        error = undecided(call, "connection", errno.errorcode.get(failed.errno or 0, type(failed).__name__))
    except http.client.IncompleteRead:
        error = undecided(call, "connection", "cut off")
    except (http.client.HTTPException, ValueError):
        error = undecided(call, "bad_answer", "no HTTP")
    except _TooLarge:
        error = undecided(call, "bad_answer", "too large")
    raise error  # outside of the handlers: what failed may hold what was sent or received


class _TooLarge(Exception):
    pass


def _connect(place: Place, clock: _Clock) -> socket.socket:
    failed: Optional[OSError] = None
    for family, kind, protocol, _, address in socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(clock.left())
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if place.tls is None:
                return sock
            sock.settimeout(clock.left())
            return place.tls.wrap_socket(sock, server_hostname=place.host)
        except OSError as error:
            sock.close()
            failed = error
        except BaseException:
            sock.close()
            raise
    raise failed or OSError("no address")


def _send(
    sock: socket.socket, clock: _Clock, place: Place, method: str, path: str, headers: Mapping[str, str], body: Optional[bytes]
) -> Answer:
    if place.tls is None:
        connection = http.client.HTTPConnection(place.host, place.port)
    else:
        connection = http.client.HTTPSConnection(place.host, place.port, context=place.tls)
    connection.sock = _Socket(sock, clock)
    connection.request(method, place.path + path, body, dict(headers))
    response = connection.getresponse()
    expected = response.length  # None where the answer has no length
    read = response.read(MAX_ANSWER + 1)
    if len(read) > MAX_ANSWER:
        raise _TooLarge
    if expected is not None and len(read) < expected:
        raise http.client.IncompleteRead(b"")
    folded = {name.lower(): ", ".join(response.headers.get_all(name, [])) for name in response.headers}
    return Answer(response.status, folded, read)
