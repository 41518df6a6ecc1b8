"""An issuer of access tokens for trying out and for tests: real OpenID Connect, on this machine alone.

It makes tokens for whoever knows a secret that lies in the home, so it serves on loopback only, and settings with an
address on this machine are refused as soon as the API is open to others.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

import jwt
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from deploy.settings import SettingsError

AUDIENCE = "kronika"
LIFETIME_S = 600
PUBLISHED = 2
"""Keys that are published at a time: the one that signs, and the one before."""
HOST = "127.0.0.1"


class LocalIssuer:
    """Its keys and clients, in one file of the home that only its owner may read."""

    def __init__(self, home: Path) -> None:
        self._path = home / "issuer" / "state.json"
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._state() as state:
            state.setdefault("clients", {})
            if not state.setdefault("keys", []):
                state["keys"] = [new_key()]

    def rotate(self) -> None:
        """Sign with a new key; the one before stays published."""
        with self._state() as state:
            state["keys"] = [new_key(), *state["keys"]][:PUBLISHED]

    def client(self, name: str) -> str:
        """The secret of a client, made when it is new."""
        with self._state() as state:
            secret: str = state["clients"].setdefault(name, secrets.token_urlsafe(32))
        return secret

    def address(self) -> str:
        """Where it is to be served: where it was before, as long as that is free, so that it is called the same."""
        with self._state() as state, socket() as probe:
            probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, state.get("port", 0)))
            except OSError:
                probe.bind((HOST, 0))
            state["port"] = probe.getsockname()[1]
        return f"http://{HOST}:{state['port']}"

    def published(self) -> dict[str, Any]:
        """The public keys, as a JWKS."""
        keys = []
        for key in self._read()["keys"]:
            public = json.loads(RSAAlgorithm.to_jwk(private(key).public_key()))
            keys.append(public | {"kid": key["kid"], "use": "sig", "alg": "RS256"})
        return {"keys": keys}

    def token(self, url: str, client: str, given: str) -> str | None:
        """An access token for a client that knows its secret."""
        state = self._read()
        if not secrets.compare_digest(state["clients"].get(client, "").encode() or b"\0", given.encode()):
            return None
        now = int(time.time())
        claims = {
            "iss": url,
            "aud": AUDIENCE,
            "sub": client,
            "azp": client,
            "client_id": client,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_S,
            "jti": secrets.token_hex(16),
        }
        key = state["keys"][0]
        return jwt.encode(claims, private(key), algorithm="RS256", headers={"kid": key["kid"], "typ": "at+jwt"})

    def _read(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self._path.read_text())
        return read

    @contextmanager
    def _state(self) -> Iterator[dict[str, Any]]:
        """What is kept, to be changed: one process at a time, the whole file or nothing."""
        with open(os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_WRONLY, 0o600), "w") as lock:
            flock(lock, LOCK_EX)
            state = self._read() if self._path.exists() else {}
            yield state
            fresh = self._path.with_suffix(".new")
            with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
                json.dump(state, file)
            fresh.rename(self._path)


def new_key() -> dict[str, str]:
    pem = generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"kid": secrets.token_hex(8), "pem": pem.decode()}


def private(key: dict[str, str]) -> RSAPrivateKey:
    loaded = serialization.load_pem_private_key(key["pem"].encode(), None)
    assert isinstance(loaded, RSAPrivateKey)
    return loaded


def create_app(issuer: LocalIssuer, url: str) -> Starlette:
    """Discovery, keys and the token endpoint (client credentials) at this address."""

    async def described(_: Request) -> JSONResponse:
        return JSONResponse(
            {
                "issuer": url,
                "jwks_uri": f"{url}/jwks",
                "token_endpoint": f"{url}/token",
                "grant_types_supported": ["client_credentials"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "response_types_supported": ["token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def keys(_: Request) -> JSONResponse:
        return JSONResponse(issuer.published())

    async def token(request: Request) -> JSONResponse:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode("latin-1")).items()}
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        client, secret = named(request.headers.get("authorization"), form)
        made = issuer.token(url, client, secret)
        if made is None:
            return JSONResponse({"error": "invalid_client"}, 401, {"WWW-Authenticate": "Basic"})
        answer = {"access_token": made, "token_type": "Bearer", "expires_in": LIFETIME_S}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", described),
            Route("/jwks", keys),
            Route("/token", token, methods=["POST"]),
        ]
    )


def named(authorization: str | None, form: dict[str, str]) -> tuple[str, str]:
    """Client and secret, of the header or of the form."""
    scheme, _, told = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client, _, secret = base64.b64decode(told).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(client), unquote_plus(secret)


def serve(home: Path, url: str) -> None:
    """Serve at this address until told to stop. Raises SettingsError where the servers are others' than this machine's
    own."""
    refuse_elsewhere()
    how = uvicorn.Config(
        create_app(LocalIssuer(home), url),
        host=HOST,
        port=urlsplit(url).port or 0,
        log_config=None,
        access_log=False,
        ws="none",
    )
    uvicorn.Server(how).run()


def refuse_elsewhere() -> None:
    if any(name in os.environ for name in ("KRONIKA_DATABASE_URL", "KRONIKA_KAFKA_BOOTSTRAP")):
        raise SettingsError("the local issuer is for trying out: it does not start where KRONIKA_DATABASE_URL is set")
