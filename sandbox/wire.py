"""The connections themselves: needed to break one the way networks do."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

Peer = tuple[str, int]


class Connections:
    """The open connections by the peer's address."""

    def __init__(self) -> None:
        self._open: dict[Peer, asyncio.Transport] = {}

    def add(self, transport: asyncio.Transport) -> Peer:
        """Remember a connection."""
        peer: Peer = tuple((transport.get_extra_info("peername") or ("", 0))[:2])  # type: ignore[assignment]
        self._open[peer] = transport
        return peer

    def remove(self, peer: Peer) -> None:
        """Forget a connection."""
        self._open.pop(peer, None)

    def reset(self, peer: Peer) -> None:
        """Close with a TCP RST: no lingering, nothing flushed."""
        transport = self._open.get(tuple(peer))  # type: ignore[arg-type]
        if transport is not None:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()

    def drop(self, peer: Peer) -> None:
        """Close without a word."""
        transport = self._open.get(tuple(peer))  # type: ignore[arg-type]
        if transport is not None:
            transport.abort()


def protocol(connections: Connections) -> type[H11Protocol]:
    """uvicorn's HTTP protocol, registering its connections."""

    class Protocol(H11Protocol):
        """One connection."""

        _peer: Peer | None = None

        def connection_made(self, transport: Any) -> None:
            self._peer = connections.add(transport)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            if self._peer is not None:
                connections.remove(self._peer)
            super().connection_lost(exc)

    return Protocol
