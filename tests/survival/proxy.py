"""A TCP proxy before a server: it passes bytes on, until it is told to reset connections, to swallow or to delay."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections import deque
from typing import Any, Literal, cast

import uvloop

Direction = Literal["to_server", "to_client"]
BOTH: tuple[Direction, ...] = ("to_server", "to_client")
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for no time; closing then resets."""


class Network:
    """The thread in which all proxies of a system run."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="network", daemon=True)
        self._thread.start()

    def proxy(self, port: int = 0) -> Proxy:
        """A proxy on this port, or a free one; it leads nowhere yet."""
        proxy = Proxy(self.loop)
        self.run(proxy.listen(port))
        return proxy

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()


class Proxy:
    """One way to one server."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.target: tuple[str, int] = ("127.0.0.1", 1)
        self.port = 0
        self.swallowed: tuple[Direction, ...] = ()
        self.delay_s = 0.0
        self.connections: set[Connection] = set()
        self.passed_on = 0

    async def listen(self, port: int) -> None:
        self._server = await self.loop.create_server(lambda: Side(self), "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    def reset(self) -> None:
        """Reset every connection; new ones are taken."""

        def reset() -> None:
            for connection in list(self.connections):
                connection.reset()

        self._soon(reset)

    def swallow(self, *directions: Direction) -> None:
        """From now on pass nothing on, both ways or one; the sender hears nothing of it."""
        self._soon(lambda: setattr(self, "swallowed", directions or BOTH))

    def delay(self, seconds: float) -> None:
        """Pass everything on so much later."""
        self._soon(lambda: setattr(self, "delay_s", seconds))

    def heal(self) -> None:
        """Pass on again. Connections of which something was swallowed are reset, as they make no sense any more."""

        def heal() -> None:
            self.swallowed, self.delay_s = (), 0.0
            for connection in list(self.connections):
                if connection.damaged:
                    connection.reset()

        self._soon(heal)

    def close(self) -> None:
        def close() -> None:
            self._server.close()
            for connection in list(self.connections):
                connection.reset()

        self._soon(close)

    def _soon(self, work: Any) -> None:
        done = threading.Event()

        def run() -> None:
            work()
            done.set()

        self.loop.call_soon_threadsafe(run)
        assert done.wait(10)


class Connection:
    """A client, the server it believes to speak to, and what is on its way between them."""

    def __init__(self, proxy: Proxy, client: Side) -> None:
        self.proxy, self.client = proxy, client
        self.server: Side | None = None
        self.early = bytearray()
        self.damaged = False
        self.late: dict[Direction, deque[bytes]] = {"to_server": deque(), "to_client": deque()}
        proxy.connections.add(self)
        self.opening = proxy.loop.create_task(self.open())

    async def open(self) -> None:
        try:
            await self.proxy.loop.create_connection(lambda: Side(self.proxy, self), *self.proxy.target)
        except OSError:
            self.reset()

    def arrived(self, data: bytes, direction: Direction) -> None:
        if direction in self.proxy.swallowed:
            self.damaged = True
        elif self.proxy.delay_s or self.late[direction]:
            self.late[direction].append(data)
            self.proxy.loop.call_later(self.proxy.delay_s, self.pass_on_late, direction)
        else:
            self.pass_on(data, direction)

    def pass_on_late(self, direction: Direction) -> None:
        if self.late[direction]:
            self.pass_on(self.late[direction].popleft(), direction)

    def pass_on(self, data: bytes, direction: Direction) -> None:
        self.proxy.passed_on += 1
        to = self.server if direction == "to_server" else self.client
        if to is None or to.transport is None:
            self.early += data
        elif not to.transport.is_closing():
            to.transport.write(data)

    def connected(self, server: Side) -> None:
        self.server = server
        if self.early and server.transport:
            server.transport.write(bytes(self.early))
            self.early.clear()

    def reset(self) -> None:
        for side in (self.client, self.server):
            if side and side.transport and not side.transport.is_closing():
                plug = side.transport.get_extra_info("socket")
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                side.transport.abort()
        self.ended()

    def ended(self) -> None:
        self.proxy.connections.discard(self)
        self.opening.cancel()
        for side in (self.client, self.server):
            if side and side.transport and not side.transport.is_closing():
                side.transport.close()


class Side(asyncio.Protocol):
    """One of a connection's two sides; without a connection it is a client that has just come."""

    def __init__(self, proxy: Proxy, connection: Connection | None = None) -> None:
        self.proxy = proxy
        self.connection = connection
        self.serves = connection is not None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self.connection is None:
            self.connection = Connection(self.proxy, self)
        elif self.connection not in self.proxy.connections:  # the client has gone meanwhile
            self.transport.abort()
        else:
            self.connection.connected(self)

    def data_received(self, data: bytes) -> None:
        assert self.connection
        self.connection.arrived(data, "to_client" if self.serves else "to_server")

    def connection_lost(self, error: Exception | None) -> None:
        assert self.connection
        if not self.proxy.swallowed:
            self.connection.ended()
        else:
            self.connection.damaged = True  # nor does the other side hear that this one has gone
