"""Who is calling, and for which tenant: the key or token of a request, looked up at most every few seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.types import Scope

from api import keys
from api.door import visit
from api.errors import TooManyRequests, Unauthenticated
from api.limits import Allowance, Allowances
from api.tokens import Issuers
from commands.calling import user_calling
from deploy.settings import Settings
from domain.policy import ACTIONS
from domain.user import identity
from eventlog.claims import holder
from eventlog.envelope import Caller
from eventlog.log import Log

REMEMBERED_S = 5.0
"""How long a caller is believed without looking: so soon a revoked key, role or user ends everywhere."""
REMEMBERED = 10_000
LONGEST_KEPT = 100
"""Bytes of a header that is remembered as it is; of a longer one a digest is, so that nobody fills the memory."""

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Opened:
    """What a key or token opens: as whom, from where (anywhere when empty), and until when, in seconds since 1970."""

    caller: Caller
    until: float
    networks: Sequence[Network] = ()


@dataclass(slots=True)
class Known:
    """What is remembered of one Authorization header; without an `opened` it opens nothing."""

    until: float
    opened: Opened | None
    allowance: Allowance | None


class Callers:
    """Knows who stands behind a key or token, from memory or from the log."""

    def __init__(self, log: Log, settings: Settings) -> None:
        self._log = log
        self._issuers = Issuers(settings.issuers)
        self._allowances = Allowances(settings)
        self._known: dict[bytes, Known] = {}
        self._asked: dict[bytes, asyncio.Task[Known]] = {}

    async def calling(self, scope: Scope) -> Caller:
        """The caller of a request, which counts against its limits. Raises Unauthenticated, TooManyRequests,
        LogUnavailable, IssuerAway."""
        came = visit(scope)
        authorization = came.headers.get(b"authorization", b"")
        name = authorization if len(authorization) <= LONGEST_KEPT else sha256(authorization).digest()
        known = self._known.get(name)
        now = time.monotonic()
        if known is None or known.until < now:
            known = await self._looked_up(name, authorization)
        opened, allowance = known.opened, known.allowance
        if opened is None or allowance is None or (opened.networks and not within(scope, opened.networks)):
            raise Unauthenticated("Send an API key or access token that is in force as `Authorization: Bearer ...`.")
        came.tenant = opened.caller.tenant
        came.allowance = allowance
        try:
            allowance.take(now, came.told)
        except TooManyRequests:
            await self._allowances.hold()
            raise
        return opened.caller

    async def _looked_up(self, name: bytes, authorization: bytes) -> Known:
        """As `_look_up`, once for all who ask at the same time."""
        task = self._asked.get(name)
        if task is None:
            task = self._asked[name] = asyncio.create_task(self._look_up(name, authorization))
            task.add_done_callback(lambda _: self._asked.pop(name, None))
        return await asyncio.shield(task)

    async def _look_up(self, name: bytes, authorization: bytes) -> Known:
        began = time.monotonic()
        opened = await self._opened(authorization)
        allowance = None
        if opened is not None:
            until = min(began + REMEMBERED_S, began + opened.until - time.time())
            allowance = self._allowances.of(opened.caller)
        else:
            until = began + REMEMBERED_S
        while len(self._known) >= REMEMBERED:
            self._known.pop(next(iter(self._known)))
        known = self._known[name] = Known(until, opened, allowance)
        return known

    async def _opened(self, authorization: bytes) -> Opened | None:
        scheme, _, token = authorization.decode("latin-1").partition(" ")
        token = token.strip(" ")
        if scheme.lower() != "bearer":
            return None
        if keys.TOKEN.fullmatch(token):
            return await self._by_key(token)
        claims = await self._issuers.claims(token)
        if claims is None:
            return None
        async with self._log.connection() as connection:
            user_id = await holder(connection, self._log.keys, claims.tenant, identity(claims.issuer, claims.subject))
        caller = await user_calling(self._log, claims.tenant, user_id, ACTIONS) if user_id else None
        return Opened(caller, claims.until) if caller else None

    async def _by_key(self, token: str) -> Opened | None:
        async with self._log.connection() as connection:
            found = await keys.find(connection, self._log.keys, token)
        if found is None:
            return None
        if found.key_id is None:
            return Opened(Caller(found.tenant, found.actor, frozenset(found.scopes)), float("inf"))
        key = await keys.folded(self._log, found.tenant, found.key_id)
        ends = key.ends(found.id)
        if ends is None or key.user_id is None or ends.timestamp() <= time.time():
            return None
        caller = await user_calling(self._log, found.tenant, key.user_id, frozenset(key.scopes))
        networks = tuple(ip_network(one) for one in key.networks)
        return Opened(caller, ends.timestamp(), networks) if caller else None


def within(scope: Scope, networks: Sequence[Network]) -> bool:
    """Whether a request came from one of these."""
    client = scope.get("client")
    try:
        address = ip_address(client[0]) if client else None
    except ValueError:
        return False
    if address is not None and address.version == 6 and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address is not None and any(address in network for network in networks)
