"""One statement, prepared once and sent again and again: nothing lies between a process and PostgreSQL but libpq.

psycopg, which connects, takes 130 µs of Python to send a statement and hear of it; this takes 30. Whatever goes wrong
ends the line: it is closed, and another one begun."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Self

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGresult

from eventlog.connections import CONNECT_S

HUNG_UP = "the server has hung up"
LOOK_S = 0.25
"""After so long without an answer we look whether one is there. Once the event loop did not tell that the server had
hung up, for a reason that was not found."""
Rows = list[tuple[Any, ...]]


class Line:
    """A connection that knows one statement, and one caller at a time."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], numbers: Sequence[int], patience_s: float) -> None:
        self._connection, self._pgconn = connection, connection.pgconn
        self._rows = Transformer(connection)
        self.numbers = numbers
        """By which this database knows the types, in their order."""
        self._patience_s = patience_s
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[Rows] | None = None
        self._found: Rows = []
        self._refused: PGresult | None = None
        self._socket = self._pgconn.socket
        self._hearing = True
        self._loop.add_reader(self._socket, self._hear)

    @classmethod
    async def open(cls, url: str, options: str, statement: str, types: Sequence[str], patience_s: float) -> Self:
        """A new connection on which this has been prepared; what it takes, $1 and so on, mentions these types. A server
        that is silent for longer than `patience_s` is given up."""
        connection = await psycopg.AsyncConnection.connect(
            url, autocommit=True, options=options, connect_timeout=CONNECT_S
        )
        try:
            async with asyncio.timeout(patience_s):
                await connection.execute("PREPARE said AS " + statement)
                cursor = await connection.execute("SELECT unnest(%s::text[])::regtype::oid::bigint", [list(types)])
                numbers = [number for (number,) in await cursor.fetchall()]
        except TimeoutError:
            await connection.close()
            raise psycopg.OperationalError("the server is silent") from None
        except BaseException:
            await connection.close()
            raise
        return cls(connection, numbers, patience_s)

    def say(self, values: Sequence[bytes | None]) -> asyncio.Future[Rows]:
        """Send these values, in PostgreSQL's binary form; the rows it answers, when it is done. Raises psycopg.Error,
        as the future does; whether it was done when that is an OperationalError, nobody knows."""
        assert self._answer is None, "one at a time"
        if not self._hearing:
            raise psycopg.OperationalError(HUNG_UP)
        try:
            self._pgconn.send_query_prepared(b"said", values, [Format.BINARY] * len(values), Format.BINARY)
        except psycopg.Error:
            self._hear_no_more()
            raise
        answer = self._answer = self._loop.create_future()
        look = self._loop.call_later(LOOK_S, self._look, answer, self._loop.time() + self._patience_s)

        def free(_: asyncio.Future[Rows]) -> None:
            look.cancel()
            self._answer = None

        answer.add_done_callback(free)
        self._send()
        return answer

    async def close(self) -> None:
        self._hear_no_more()
        await self._connection.close()

    def _hear_no_more(self) -> None:
        """At once when the socket is closed: its number may be another's soon."""
        if self._hearing:
            self._hearing = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)

    def _send(self) -> None:
        """Hand what is left to the network; the rest when it can take more."""
        try:
            left = self._pgconn.flush()
            if self._pgconn.status != ConnStatus.OK:  # libpq has closed the socket: nobody will be called for it
                raise psycopg.OperationalError(HUNG_UP)
        except psycopg.Error as error:
            self._hear_no_more()
            self._fail(error)
            return
        if left:
            self._loop.add_writer(self._socket, self._send)
        else:
            self._loop.remove_writer(self._socket)

    def _hear(self) -> None:
        try:
            self._pgconn.consume_input()
            while not self._pgconn.is_busy():
                if (result := self._pgconn.get_result()) is None:
                    self._end()
                    return
                if result.status == ExecStatus.TUPLES_OK:
                    self._rows.set_pgresult(result)
                    self._found = self._rows.load_rows(0, result.ntuples, tuple)
                elif result.status != ExecStatus.COMMAND_OK:
                    self._refused = self._refused or result
        except psycopg.Error as error:
            self._hear_no_more()  # it has hung up; who speaks next is told
            self._fail(error)

    def _end(self) -> None:
        (refused, self._refused), (found, self._found) = (self._refused, None), (self._found, [])
        if self._pgconn.status != ConnStatus.OK:
            self._hear_no_more()
            self._fail(psycopg.OperationalError(HUNG_UP))
        elif refused is not None:
            self._fail(error_from_result(refused))
        elif self._answer is not None and not self._answer.done():
            self._answer.set_result(found)

    def _look(self, answer: asyncio.Future[Rows], deadline: float) -> None:
        """Whether the answer is there, or the server has gone; or has been silent for too long."""
        if answer.done():
            return
        self._hear()
        if self._loop.time() < deadline:
            self._loop.call_later(LOOK_S, self._look, answer, deadline)
        else:
            self._fail(psycopg.OperationalError("the server is silent"))

    def _fail(self, error: psycopg.Error) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
