"""Access tokens: a good one is taken, and whatever is wrong with one, it is refused, without a word why."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from api import caller, issuer_keys
from api.app import create_app
from deploy.issuer import AUDIENCE, LocalIssuer
from deploy.issuer import create_app as issuer_app
from deploy.settings import Issuer

from .bad_tokens import CLIENT, Forge, corpus
from .conftest import client_of
from .test_commands import is_problem
from .test_organisation import asked, user

pytestmark = pytest.mark.anyio


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
        assert (
            await me(app, Forge(issuer.url, issuer.local).signed(header={"kid": f"made-up-{n}"}))
        ).status_code == 401
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


async def test_a_token_is_taken_that_is_right_in_all_of_this(app, issuer, shop):
    """Else the next test would prove nothing."""
    forge, now = Forge(issuer.url, issuer.local), int(time.time())
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
    bad = corpus(Forge(issuer.url, issuer.local))
    assert len(bad) >= 80
    assert (await me(app, Forge(issuer.url, issuer.local).signed())).status_code == 200
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
