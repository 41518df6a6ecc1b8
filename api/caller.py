"""Who is calling, and for which tenant: the API key of a request, looked up at most every few seconds."""

from __future__ import annotations

import time

from api import keys
from api.errors import Unauthenticated
from eventlog.envelope import Caller
from eventlog.log import Log

REMEMBERED_S = 5.0
"""How long a key is believed without looking: so soon a revoked one ends everywhere."""
REMEMBERED = 10_000


class Callers:
    """Knows who stands behind a token, from memory or from the store."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._known: dict[bytes, tuple[float, Caller | None]] = {}

    async def of(self, authorization: bytes | None) -> Caller:
        """The caller of a request with this Authorization header. Raises Unauthenticated, LogUnavailable."""
        if authorization is None:
            raise Unauthenticated("Send your API key as `Authorization: Bearer kr_...`.")
        until, caller = self._known.get(authorization, (0.0, None))
        if until < time.monotonic():
            caller = await self._look_up(authorization)
        if caller is None:
            raise Unauthenticated("This API key is unknown or was revoked.")
        return caller

    async def _look_up(self, authorization: bytes) -> Caller | None:
        scheme, _, token = authorization.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not keys.TOKEN.fullmatch(token.strip()):
            return None
        async with self._log.connection() as connection:
            key = await keys.find(connection, self._log.keys, token.strip())
        caller = Caller(key.tenant, key.actor, frozenset(key.scopes)) if key else None
        while len(self._known) >= REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[authorization] = (time.monotonic() + REMEMBERED_S, caller)
        return caller
