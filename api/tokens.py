"""Access tokens of those who sign in elsewhere: read strictly, and checked with the keys that issuers publish."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any

import jwt

from api.issuer_keys import PublishedKeys
from deploy.settings import Issuer

MOST_BYTES = 8_192
SKEW_S = 60
"""How far an issuer's clock may be from ours."""

THREE_PARTS = re.compile(r"[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}")
KEY_ID = re.compile(r"[A-Za-z0-9_=.~-]{1,128}")
PLAIN = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
"""What a token's header may hold. Whatever else would have to be understood, or names a key, is not taken."""
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})


@dataclass(frozen=True)
class Claims:
    """What of a token counts here; `until` in seconds since 1970."""

    issuer: str
    tenant: str
    subject: str
    until: float


class NoToken(ValueError):
    """It is no token that is taken here; why is for nobody outside."""


class Issuers:
    """Those whose tokens are taken."""

    def __init__(self, issuers: Iterable[Issuer]) -> None:
        self._known = {issuer.url: (issuer, PublishedKeys(issuer)) for issuer in issuers}

    async def claims(self, token: str) -> Claims | None:
        """What a token says, when it is to be believed. Raises IssuerAway when that cannot be told."""
        try:
            header, payload = read(token)
            name = payload.get("iss")
            if not isinstance(name, str) or name not in self._known:
                return None
            issuer, published = self._known[name]
            if header["alg"] not in issuer.algorithms:
                return None
            key = await published.key(header["kid"], header["alg"])
            if key is None:
                return None
            jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],
                audience=issuer.audience,
                issuer=issuer.url,
                leeway=SKEW_S,
                options={"require": ["exp", "iat", "iss", "aud"]},
            )
            return believed(issuer, payload)
        except (NoToken, jwt.PyJWTError, ValueError, RecursionError):
            return None


def read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and payload of a token as it is written, nothing of it believed yet. Raises NoToken."""
    if len(token) > MOST_BYTES or not THREE_PARTS.fullmatch(token):
        raise NoToken
    header, payload, _ = (decoded(part) for part in token.split("."))
    said = an_object(header)
    if not PLAIN.issuperset(said) or not isinstance(said.get("alg"), str):
        raise NoToken
    if not isinstance(said.get("kid"), str) or not KEY_ID.fullmatch(said["kid"]):
        raise NoToken
    if "typ" in said and (not isinstance(said["typ"], str) or said["typ"].lower() not in TYPES):
        raise NoToken
    return said, an_object(payload)


def decoded(part: str) -> bytes:
    raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(raw).rstrip(b"=").decode() != part:  # one way to write it, so that it cannot be altered
        raise NoToken
    return raw


def an_object(raw: bytes) -> dict[str, Any]:
    value = json.loads(raw.decode("utf-8"), object_pairs_hook=once, parse_constant=refused)
    if not isinstance(value, dict):
        raise NoToken
    return value


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise NoToken
    return values


def refused(constant: str) -> Any:
    raise NoToken


def believed(issuer: Issuer, payload: dict[str, Any]) -> Claims:
    """What a token whose signature, times, issuer and audience hold says about who calls. Raises NoToken."""
    for name in ("exp", "iat", "nbf"):
        if name in payload and not moment(payload[name]):
            raise NoToken
    if not payload["iat"] < payload["exp"]:
        raise NoToken
    audience = payload["aud"]
    party = payload.get("azp", payload.get("client_id"))
    if party is not None and not text(party):
        raise NoToken
    if issuer.clients and party not in issuer.clients:
        raise NoToken
    if isinstance(audience, list) and len(audience) > 1 and party is None:
        raise NoToken
    tenant = issuer.tenants[0] if issuer.tenant_claim is None else payload.get(issuer.tenant_claim)
    subject = payload.get(issuer.user_claim)
    if not text(tenant) or tenant not in issuer.tenants or not text(subject):
        raise NoToken
    return Claims(issuer.url, str(tenant), str(subject), float(payload["exp"]) + SKEW_S)


def moment(value: Any) -> bool:
    return type(value) in (int, float) and isfinite(value) and 0 <= value < 2**40


def text(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 255 and value.isprintable() and value == value.strip()
