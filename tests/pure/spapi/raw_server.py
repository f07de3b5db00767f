"""A server for answers that no well-behaved program gives: bytes as they are, for tests below the level of HTTP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

Chunk = bytes | float


class RawServer:
    """Answers the n-th request with the n-th script (the last one for ever): bytes are sent, a float is a pause."""

    def __init__(self, *scripts: list[Chunk]) -> None:
        self.scripts = list(scripts)
        self.requests: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(5)
            request = self._read(connection)
            self.requests.append(request)
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
            for chunk in script:
                if isinstance(chunk, float):
                    time.sleep(chunk)
                else:
                    connection.sendall(chunk)
        except OSError:
            pass

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return data
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
                while len(body) < length:
                    body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        """Stop listening."""
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() does not
        self._socket.close()
        self._thread.join(5)


def http(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """A whole answer; `length` to lie about its size."""
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body) if length is None else length}", "connection: close"]
    return "\r\n".join([*lines, *headers]).encode() + b"\r\n\r\n" + body


@contextmanager
def serving(*scripts: list[Chunk]) -> Iterator[RawServer]:
    """A raw server for a ``with`` block."""
    server = RawServer(*scripts)
    try:
        yield server
    finally:
        server.close()
