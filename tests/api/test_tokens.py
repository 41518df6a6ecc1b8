"""Access tokens: a good one is taken, and whatever is wrong with one, it is refused, without a word why."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import httpx
import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from api import caller, issuer_keys
from api.app import create_app
from deploy.issuer import AUDIENCE, LocalIssuer, private
from deploy.issuer import create_app as issuer_app
from deploy.settings import Issuer

from .conftest import client_of
from .test_commands import is_problem
from .test_organisation import asked, user

pytestmark = pytest.mark.anyio

CLIENT = "shop"


class Running:
    """A local issuer on a port of its own, in a thread."""

    def __init__(self, home) -> None:
        self.local = LocalIssuer(home)
        self.asked: list[str] = []
        self.port = 0
        self.start()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        async def counting(scope, receive, send) -> None:
            if scope["type"] == "http":
                self.asked.append(scope["path"])
            await issuer_app(self.local, f"http://127.0.0.1:{self.port}")(scope, receive, send)

        server = uvicorn.Server(
            uvicorn.Config(counting, host="127.0.0.1", port=self.port, log_config=None, lifespan="off")
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        self.port = server.servers[0].sockets[0].getsockname()[1]
        self._server, self._thread = server, thread

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    @contextmanager
    def away(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    def token(self):
        """As anybody gets one: by discovery and client credentials."""
        found = httpx.get(f"{self.url}/.well-known/openid-configuration").json()
        grant = {"grant_type": "client_credentials"}
        answer = httpx.post(found["token_endpoint"], data=grant, auth=(CLIENT, self.local.client(CLIENT)))
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("issuer"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def settings(settings, issuer):
    taken = Issuer(url=issuer.url, audience=AUDIENCE, tenants=("acme",), clients=(CLIENT,))
    return settings.model_copy(update={"issuers": (taken,)})


@pytest.fixture(scope="module")
async def shop(app, key):
    """A service user that the issuer knows as `shop`."""
    async with client_of(app, key) as client:
        made = await user(client, "The shop", kind="service")
        issuer = app.state.kronika.settings.issuers[0].url
        await asked(client, "link-identity", user_id=made, issuer=issuer, subject=CLIENT)
        await asked(client, "assign-role", user_id=made, role="service")
    return made


@pytest.fixture(autouse=True)
def looked_up_each_time(monkeypatch):
    monkeypatch.setattr(caller, "REMEMBERED_S", 0.0)


async def me(app, token):
    async with client_of(app, None) as client:
        return await client.get("/v1/me", headers={b"Authorization": b"Bearer " + encoded(token)})


def encoded(token: str | bytes) -> bytes:
    return token if isinstance(token, bytes) else token.encode()


async def test_a_token_of_the_issuer_is_the_user_that_it_names(app, issuer, shop):
    told = (await me(app, issuer.token())).json()
    assert (told["tenant"], told["user_id"], told["kind"]) == ("acme", shop, "service")
    assert (told["roles"], told["scopes"]) == (["service"], ["read", "write"])


async def test_a_client_without_its_secret_gets_no_token(issuer):
    issuer.local.client(CLIENT)
    for auth in ((CLIENT, "wrong"), ("nobody", ""), ("", "")):
        answer = httpx.post(f"{issuer.url}/token", data={"grant_type": "client_credentials"}, auth=auth)
        assert answer.status_code == 401
    assert httpx.post(f"{issuer.url}/token", data={"grant_type": "password"}).status_code == 400


async def test_a_new_key_is_taken_at_once_and_the_one_before_goes_on(app, issuer, shop, monkeypatch):
    before = issuer.token()
    assert (await me(app, before)).status_code == 200
    issuer.local.rotate()
    after = issuer.token()
    monkeypatch.setattr(issuer_keys, "AGAIN_S", 0.0)
    assert (await me(app, after)).status_code == 200
    assert (await me(app, before)).status_code == 200


async def test_a_withdrawn_key_ends_when_the_keys_are_no_longer_fresh(app, issuer, shop, monkeypatch):
    old = issuer.token()
    assert (await me(app, old)).status_code == 200
    issuer.local.rotate()
    issuer.local.rotate()
    monkeypatch.setattr(issuer_keys, "AGAIN_S", 0.0)
    monkeypatch.setattr(issuer_keys, "FRESH_S", 0.0)
    for _ in range(100):
        if (await me(app, old)).status_code == 401:
            break
        time.sleep(0.02)
    is_problem(await me(app, old), 401, "unauthenticated")
    assert (await me(app, issuer.token())).status_code == 200


async def test_while_the_issuer_is_away_known_keys_serve(app, issuer, shop, monkeypatch):
    token = issuer.token()
    assert (await me(app, token)).status_code == 200
    monkeypatch.setattr(issuer_keys, "AGAIN_S", 0.0)
    monkeypatch.setattr(issuer_keys, "FRESH_S", 0.0)
    with issuer.away():
        for _ in range(3):
            assert (await me(app, token)).status_code == 200
    assert (await me(app, issuer.token())).status_code == 200


async def test_whom_nobody_can_vouch_for_is_asked_to_come_again(settings, issuer, shop):
    token = issuer.token()
    app = create_app(settings)  # one that has never asked the issuer
    async with app.router.lifespan_context(app):
        with issuer.away():
            is_problem(await me(app, token), 503, "issuer-away")


async def test_made_up_key_ids_do_not_have_the_issuer_asked_again_and_again(app, issuer, shop, monkeypatch):
    monkeypatch.setattr(issuer_keys, "AGAIN_S", 600.0)
    good = issuer.token()
    assert (await me(app, good)).status_code == 200
    issuer.asked.clear()
    for n in range(20):
        assert (await me(app, Forge(issuer).signed(header={"kid": f"made-up-{n}"}))).status_code == 401
    assert issuer.asked.count("/jwks") <= 1


async def test_a_user_who_is_deactivated_has_a_token_for_nothing(app, issuer, shop, client):
    token = issuer.token()
    await asked(client, "deactivate-user", user_id=shop)
    is_problem(await me(app, token), 401, "unauthenticated")
    await asked(client, "reactivate-user", user_id=shop)
    await asked(client, "unlink-identity", user_id=shop, issuer=issuer.url)
    is_problem(await me(app, token), 401, "unauthenticated")
    await asked(client, "link-identity", user_id=shop, issuer=issuer.url, subject=CLIENT)
    assert (await me(app, token)).status_code == 200


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Forge:
    """Makes tokens that look like the issuer's, each wrong in its own way."""

    def __init__(self, issuer: Running) -> None:
        self.url = issuer.url
        self.key = issuer.local._read()["keys"][0]
        self.private = private(self.key)

    def claims(self, **other: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": CLIENT, "azp": CLIENT, "iat": now, "exp": now + 600} | other
        return {name: value for name, value in claims.items() if value is not Forge}

    def signed(self, header: dict[str, Any] | None = None, raw: bytes | None = None, **other: Any) -> str:
        """Signed with the issuer's own key; the header or the payload is as it likes."""
        said = {"alg": "RS256", "kid": self.key["kid"], "typ": "at+jwt"} | (header or {})
        said = {name: value for name, value in said.items() if value is not Forge}
        return self.over(part(said), part(raw if raw is not None else self.claims(**other)))

    def over(self, header: str, payload: str) -> str:
        signed = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(
            f"{header}.{payload}".encode(), self.private
        )
        return f"{header}.{payload}.{part(signed)}"

    def by(self, secret: bytes, **header: Any) -> str:
        """With an HMAC, as if the public key were a secret."""
        said = {"alg": "HS256", "kid": self.key["kid"]} | header
        signed = f"{part(said)}.{part(self.claims())}"
        return f"{signed}.{part(hmac.digest(secret, signed.encode(), sha256))}"


def corpus(issuer: Running) -> dict[str, str | bytes]:
    """Bad tokens, by what is wrong with each."""
    forge, now = Forge(issuer), int(time.time())
    good = forge.signed()
    head, payload, signature = good.split(".")
    public = forge.private.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    stranger, curve = generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    theirs = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key()))
    kid = forge.key["kid"]
    claims, text = forge.claims(), json.dumps(forge.claims())

    def by_stranger(**header: Any) -> str:
        return jwt.encode(forge.claims(), stranger, "RS256", headers={"kid": kid} | header)

    def with_claims(text: str) -> str:
        return forge.signed(raw=text.encode())

    def with_header(text: str) -> str:
        return forge.over(part(text.encode()), payload)

    return {
        # no signature, or somebody else's
        "none": f"{part({'alg': 'none', 'kid': kid})}.{payload}.",
        "None": f"{part({'alg': 'None', 'kid': kid})}.{payload}.AA",
        "NONE with a signature": f"{part({'alg': 'NONE', 'kid': kid})}.{payload}.{signature}",
        "no algorithm": forge.signed({"alg": Forge}),
        "empty algorithm": forge.signed({"alg": ""}),
        "algorithm is null": forge.signed({"alg": None}),
        "algorithm is a list": forge.signed({"alg": ["RS256"]}),
        "algorithm in lower case": forge.signed({"alg": "rs256"}),
        "another algorithm is named": forge.signed({"alg": "RS384"}),
        "PSS is named": forge.signed({"alg": "PS256"}),
        "ES256 is named": forge.signed({"alg": "ES256"}),
        "signed on a curve": jwt.encode(claims, curve, "ES256", headers={"kid": kid}),
        "HMAC with the public key as PEM": forge.by(pem),
        "HMAC with the public key as DER": forge.by(der),
        "HMAC with the modulus": forge.by(str(public.public_numbers().n).encode()),
        "HMAC with nothing": forge.by(b""),
        "HMAC that calls itself RS256": forge.by(pem, alg="RS256"),
        "a stranger's signature": by_stranger(),
        "a stranger's signature under an unknown id": by_stranger(kid="stranger"),
        "signature emptied": f"{head}.{payload}.",
        "signature cut off": f"{head}.{payload}",
        "signature truncated": good[:-20],
        "signature of zeros": f"{head}.{payload}.{part(bytes(256))}",
        "signature with a bit turned": f"{head}.{payload}.{part(turned(decoded(signature)))}",
        "signature of another token": f"{head}.{payload}.{forge.signed(sub='other').split('.')[2]}",
        "payload exchanged": f"{head}.{part(forge.claims(sub='admin'))}.{signature}",
        "header exchanged": f"{part({'alg': 'RS256', 'kid': kid})}.{payload}.{signature}",
        # keys that the token brings along, or says where they are
        "jwk": by_stranger(jwk=theirs),
        "jku": by_stranger(jku="https://evil.example/jwks"),
        "jku of the issuer": forge.signed({"jku": f"{issuer.url}/jwks"}),
        "x5u": by_stranger(x5u="https://evil.example/cert"),
        "x5c": by_stranger(x5c=["MIIB"]),
        "kid is a path": by_stranger(kid="../../../../dev/null"),
        "kid is SQL": by_stranger(kid="x' UNION SELECT 'secret' --"),
        "kid is an address": by_stranger(kid="https://evil.example/key"),
        "kid is a command": by_stranger(kid="|/bin/true"),
        "kid with a NUL": forge.signed({"kid": f"{kid}\0"}),
        "kid is a number": forge.signed({"kid": 1}),
        "kid is null": forge.signed({"kid": None}),
        "kid is a list": forge.signed({"kid": [kid]}),
        "kid is missing": forge.signed({"kid": Forge}),
        "kid is empty": forge.signed({"kid": ""}),
        "kid is very long": forge.signed({"kid": "k" * 1000}),
        "kid in other letters": forge.signed({"kid": kid.upper() + "A"}),
        # headers that would have to be understood
        "crit": forge.signed({"crit": ["urn:example"], "urn:example": 1}),
        "crit is empty": forge.signed({"crit": []}),
        "crit names exp": forge.signed({"crit": ["exp"], "exp": now + 60}),
        "b64 is false": forge.signed({"b64": False, "crit": ["b64"]}),
        "b64 is true": forge.signed({"b64": True}),
        "zip": forge.signed({"zip": "DEF"}),
        "cty": forge.signed({"cty": "JWT"}),
        "enc": forge.signed({"enc": "A256GCM"}),
        "typ of an ID event": forge.signed({"typ": "logout+jwt"}),
        "typ of a DPoP proof": forge.signed({"typ": "dpop+jwt"}),
        "typ is a number": forge.signed({"typ": 1}),
        # times
        "expired": forge.signed(iat=now - 700, exp=now - 100),
        "expired long ago": forge.signed(iat=1, exp=2),
        "no expiry": forge.signed(exp=Forge),
        "expiry as text": forge.signed(exp=str(now + 600)),
        "expiry is true": forge.signed(exp=True),
        "expiry is null": forge.signed(exp=None),
        "expiry is infinite": with_claims(text.replace(str(claims["exp"]), "Infinity")),
        "expiry beyond all numbers": with_claims(text.replace(str(claims["exp"]), "1e999")),
        "expiry beyond all years": forge.signed(exp=10**18),
        "expiry before it was issued": forge.signed(iat=now + 50, exp=now + 20),
        "not yet": forge.signed(nbf=now + 300),
        "not yet, as text": forge.signed(nbf=str(now)),
        "not yet, as a list": forge.signed(nbf=[now]),
        "issued in the future": forge.signed(iat=now + 300, exp=now + 900),
        "issued never": forge.signed(iat=Forge),
        "issued, as text": forge.signed(iat="now"),
        # by whom, for whom
        "another issuer": forge.signed(iss="https://evil.example"),
        "issuer with a slash": forge.signed(iss=issuer.url + "/"),
        "issuer in capitals": forge.signed(iss=issuer.url.upper()),
        "issuer is a list": forge.signed(iss=[issuer.url]),
        "no issuer": forge.signed(iss=Forge),
        "another audience": forge.signed(aud="other"),
        "audience with more behind it": forge.signed(aud=AUDIENCE + ".evil"),
        "no audience": forge.signed(aud=Forge),
        "audience is empty": forge.signed(aud=[]),
        "audience is a map": forge.signed(aud={AUDIENCE: True}),
        "audience holds a number": forge.signed(aud=[1]),
        "another party": forge.signed(azp="evil"),
        "no party": forge.signed(azp=Forge),
        "party is a list": forge.signed(azp=[CLIENT]),
        "nobody": forge.signed(sub=Forge),
        "a user we do not have": forge.signed(sub="somebody else"),
        "user is empty": forge.signed(sub=""),
        "user is a number": forge.signed(sub=1),
        "user is a list": forge.signed(sub=[CLIENT]),
        "user is a map": forge.signed(sub={"$ne": None}),
        "user with a space behind": forge.signed(sub=CLIENT + " "),
        "user with a NUL": forge.signed(sub=CLIENT + "\0"),
        "user with a sign of no width": forge.signed(sub=CLIENT + "\u200b"),
        "user in full-width letters": forge.signed(sub="ｓｈｏｐ"),
        "user in Cyrillic letters": forge.signed(sub="ѕhop"),
        "user turned around": forge.signed(sub="\u202e" + CLIENT),
        # how it is written
        "one claim twice": with_claims(text[:-1] + ', "sub": "admin"}'),
        "one claim twice, the right one last": with_claims('{"sub": "admin", ' + text[1:]),
        "one header twice": with_header(f'{{"alg": "none", "alg": "RS256", "kid": "{kid}"}}'),
        "payload is a list": forge.signed(raw=b"[]"),
        "payload is text": forge.signed(raw=b'"x"'),
        "payload is no JSON": forge.signed(raw=b"{"),
        "payload is no UTF-8": forge.signed(raw=b'{"sub": "\xff"}'),
        "payload with a byte order mark": forge.signed(raw=b"\xef\xbb\xbf" + text.encode()),
        "payload in UTF-16": forge.signed(raw=text.encode("utf-16")),
        "payload nested beyond measure": forge.signed(raw=b'{"a":' * 1200 + b"1" + b"}" * 1200),
        "header is a list": with_header("[]"),
        "header is no JSON": with_header("x"),
        "oversize": forge.signed(padding="x" * 9_000),
        "oversize by far": "a" * 60_000 + "." + "b" * 60_000 + ".c",
        "four parts": good + ".x",
        "five parts, as if encrypted": ".".join([head, "", "", payload, signature]),
        "only dots": "..",
        "empty": "",
        "padded": f"{head}=.{payload}=.{signature}=",
        "another alphabet": f"{head}.{payload}.{signature}".replace("-", "+").replace("_", "/") + "+/",
        "its last sign altered within what it stands for": head + "." + payload + "." + neighbour(signature),
        "a space within": f"{head}. {payload}.{signature}",
        "a line break within": f"{head}.{payload}\t.{signature}",
        "signs from beyond ASCII": f"{head}.{payload}é.{signature}".encode("latin-1"),
        "twice": f"{good}, {good}",
        "Bearer twice": f"Bearer {good}",
        "percent-encoded": good.replace(".", "%2e"),
        "in JSON form": json.dumps({"payload": payload, "protected": head, "signature": signature}),
        "a key's prefix before it": f"kr_{good}",
    }


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def turned(raw: bytes) -> bytes:
    return bytes([raw[0] ^ 1]) + raw[1:]


def neighbour(text: str) -> str:
    """The same bytes, written in another way: the last sign has bits that stand for nothing."""
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + signs[signs.index(text[-1]) ^ 1]


async def test_a_token_is_taken_that_is_right_in_all_of_this(app, issuer, shop):
    """Else the next test would prove nothing."""
    forge, now = Forge(issuer), int(time.time())
    for good in (
        forge.signed(),
        forge.signed({"typ": "JWT"}),
        forge.signed({"typ": Forge}),
        forge.signed(nbf=now + 30),
        forge.signed(iat=now - 700, exp=now - 30),
        forge.signed(iat=now + 30),
        forge.signed(aud=["other", AUDIENCE]),
        forge.signed(more={"a": [1, None]}),
    ):
        assert (await me(app, good)).status_code == 200, jwt.decode(good, options={"verify_signature": False})


async def test_every_bad_token_is_refused_in_the_same_words(app, issuer, shop):
    bad = corpus(issuer)
    assert len(bad) >= 80
    assert (await me(app, Forge(issuer).signed())).status_code == 200
    answers = {what: await me(app, token) for what, token in bad.items()}
    taken = {what: answer.status_code for what, answer in answers.items() if answer.status_code != 401}
    assert taken == {}
    told = {answer.text.partition('"instance"')[0] for answer in answers.values()}
    assert len(told) == 1
    assert '"/problems/unauthenticated"' in told.pop()
    assert {answer.headers["www-authenticate"] for answer in answers.values()} == {"Bearer"}


def test_keys_that_are_weak_or_for_something_else_are_not_used():
    def published(key, **more):
        return json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "k"} | more

    fit, weak = generate_private_key(65537, 2048), generate_private_key(65537, 1024)
    assert issuer_keys.usable_key(published(fit), "RS256")
    assert issuer_keys.usable_key(published(weak), "RS256") is None
    assert issuer_keys.usable_key(published(fit, use="enc"), "RS256") is None
    assert issuer_keys.usable_key(published(fit, alg="RS512"), "RS256") is None
    assert issuer_keys.usable_key({"kty": "oct", "k": "AAAA", "kid": "k"}, "RS256") is None
