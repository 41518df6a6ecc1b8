"""HTTP for many impatient clients at little cost: one connection an API, kept open, thrown away after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson


class Lost(Exception):
    """No answer came, or not all of it, or too late: nobody knows what became of the request."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """What it says; of a body that is no JSON, its text."""
        try:
            return orjson.loads(self.body) if self.body else {}
        except orjson.JSONDecodeError:
            return {"no JSON": self.body.decode(errors="replace")}


class Wire:
    """One client's connections; a request at a time on each."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)
        self._idle: dict[str, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {}

    async def get(self, url: str, params: Mapping[str, str], wait_s: float) -> Answer:
        return await self.ask("GET", f"{url}?{urlencode(params)}" if params else url, b"", {}, wait_s)

    async def post(self, url: str, json: Any, wait_s: float, headers: Mapping[str, str] | None = None) -> Answer:
        said = {"Content-Type": "application/json", **(headers or {})}
        return await self.ask("POST", url, orjson.dumps(json), said, wait_s)

    async def ask(self, method: str, url: str, body: bytes, headers: Mapping[str, str], wait_s: float) -> Answer:
        """Raises Lost."""
        at = urlsplit(url)
        path = f"{at.path}?{at.query}" if at.query else at.path
        told = {"Host": at.netloc, "Content-Length": str(len(body)), **self._headers, **headers}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(wait_s):
                reader, writer = await self._connection(at.netloc)
                writer.write(head.encode() + b"\r\n" + body)
                answer = await read(reader)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            if writer:
                writer.transport.abort()
            raise Lost(repr(error)) from None
        except BaseException:
            if writer:
                writer.transport.abort()
            raise
        self._idle.setdefault(at.netloc, []).append((reader, writer))
        return answer

    async def _connection(self, where: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        idle = self._idle.get(where, [])
        while idle:
            reader, writer = idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.transport.abort()
        host, _, port = where.partition(":")
        return await asyncio.open_connection(host, int(port))

    def close(self) -> None:
        for connections in self._idle.values():
            for _, writer in connections:
                writer.transport.abort()


async def read(reader: asyncio.StreamReader) -> Answer:
    """An answer with a Content-Length."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    return Answer(int(first.split()[1]), headers, body)
