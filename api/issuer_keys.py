"""The keys that an issuer of tokens publishes: fetched, remembered, and used on while the issuer is away."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from api.errors import IssuerAway
from deploy.settings import Issuer, fit_for_tokens, on_this_machine

log = structlog.get_logger()

DISCOVERY = "/.well-known/openid-configuration"
FRESH_S = 300.0
"""So soon a key that the issuer has withdrawn is known here."""
AGAIN_S = 10.0
"""An issuer is asked no more often than this, whatever tokens come: not even for a key that nobody knows."""
STALE_S = 24 * 3600.0
"""For so long the keys of an issuer that is away are believed."""
TIMEOUT_S = 5.0
MOST_BYTES = 500_000
MOST_KEYS = 50
SMALLEST_RSA = 2048


class PublishedKeys:
    """The keys of one issuer, as it last published them."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._keys: dict[tuple[str, str], jwt.PyJWK] = {}
        """By key id and algorithm"""
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str, algorithm: str) -> jwt.PyJWK | None:
        """The key of this id; None when the issuer has none. Raises IssuerAway when none of its keys are known."""
        age = time.monotonic() - self._fetched_at
        if age > STALE_S:
            self._keys = {}
        found = self._keys.get((kid, algorithm))
        if found is None or age > FRESH_S:
            fetching = self._fetch_now()
            if found is None and fetching is not None:  # else nobody waits: what is known serves meanwhile
                await asyncio.shield(fetching)
                found = self._keys.get((kid, algorithm))
        if not self._keys:
            raise IssuerAway("Who signed this token cannot be asked at the moment; send it again.")
        return found

    def _fetch_now(self) -> asyncio.Task[None] | None:
        """The fetching that is under way, or begins, unless the last one was a moment ago."""
        if self._fetching is None and time.monotonic() - self._tried_at >= AGAIN_S:
            self._tried_at = time.monotonic()
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            self._keys = await asyncio.to_thread(fetched, self._issuer)
            self._fetched_at = time.monotonic()
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            log.warning("issuer away", issuer=self._issuer.url, error=type(error).__name__)
        finally:
            self._fetching = None


def fetched(issuer: Issuer) -> dict[tuple[str, str], jwt.PyJWK]:
    """The keys that the issuer publishes now. Raises OSError, HTTPException, ValueError."""
    described = got(issuer.url.rstrip("/") + DISCOVERY)
    if described.get("issuer") != issuer.url:
        raise ValueError("the issuer calls itself by another name")
    address = described.get("jwks_uri")
    if not isinstance(address, str) or not fit_for_tokens(address):
        raise ValueError("the issuer names no address of its keys")
    published = got(address).get("keys")
    if not isinstance(published, list):
        raise ValueError("the issuer publishes no keys")
    keys: dict[tuple[str, str], jwt.PyJWK] = {}
    for key in published[:MOST_KEYS]:
        for algorithm in issuer.algorithms:
            with suppress(jwt.PyJWTError, ValueError, TypeError, KeyError):
                if (usable := usable_key(key, algorithm)) is not None:
                    keys[str(key["kid"]), algorithm] = usable
    if not keys:
        raise ValueError("the issuer publishes no key that is taken here")
    return keys


def usable_key(key: Any, algorithm: str) -> jwt.PyJWK | None:
    """A published key for one algorithm; None when it is not for that, or too weak. Raises PyJWTError, KeyError."""
    if not isinstance(key, dict) or not isinstance(key["kid"], str) or key.get("kty") == "oct":
        return None
    if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return None
    made = jwt.PyJWK({name: value for name, value in key.items() if name != "d"}, algorithm=algorithm)
    if isinstance(made.key, RSAPublicKey) and made.key.key_size < SMALLEST_RSA:
        return None
    return made


class NoRedirects(HTTPRedirectHandler):
    """Keys come from where the issuer said, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def opener(address: str) -> OpenerDirector:
    return build_opener(NoRedirects, *([ProxyHandler({})] if on_this_machine(urlsplit(address).hostname) else []))


def got(address: str) -> dict[str, Any]:
    """A JSON object at an address that is fit for it. Raises OSError, HTTPException, ValueError."""
    if not fit_for_tokens(address):
        raise ValueError("not an address to fetch keys from")
    asked = Request(address, headers={"Accept": "application/json"})  # noqa: S310  # checked: https, or this machine
    with opener(address).open(asked, timeout=TIMEOUT_S) as answer:
        raw = answer.read(MOST_BYTES + 1)
    value = json.loads(raw) if len(raw) <= MOST_BYTES else None
    if not isinstance(value, dict):
        raise ValueError("no JSON object, or too large a one")
    return value
