"""Access tokens that are wrong, each in its own way: made with the issuer's own key, or to look as if they were."""

from __future__ import annotations

import base64
import hmac
import json
import time
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from deploy.issuer import AUDIENCE, LocalIssuer, private

CLIENT = "shop"


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Forge:
    """Makes tokens that look like the issuer's, each wrong in its own way."""

    def __init__(self, url: str, local: LocalIssuer) -> None:
        self.url = url
        self.key = local._read()["keys"][0]
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


def corpus(forge: Forge) -> dict[str, str | bytes]:
    """Bad tokens, by what is wrong with each."""
    now = int(time.time())
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
        "jku of the issuer": forge.signed({"jku": f"{forge.url}/jwks"}),
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
        "issuer with a slash": forge.signed(iss=forge.url + "/"),
        "issuer in capitals": forge.signed(iss=forge.url.upper()),
        "issuer is a list": forge.signed(iss=[forge.url]),
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
