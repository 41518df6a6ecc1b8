"""What can be set from outside: every KRONIKA_* environment variable, its default and its check."""

import difflib
import os
import stat
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as NotReadable

PREFIX = "KRONIKA_"


class SettingsError(ValueError):
    """A setting is wrong; its text is the one line to show."""


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _conninfo(url: str) -> str:
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # psycopg's own message repeats the URL, password and all
        raise ValueError(
            "is no PostgreSQL URL, like postgresql://user:password@host:5432/name?sslmode=verify-full"
        ) from None
    return url


def _bootstrap(servers: str) -> str:
    for server in servers.split(","):
        host, colon, port = server.strip().rpartition(":")
        if not (host and colon and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError("must be host:port, or several with commas between")
    return servers


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
Port = Annotated[int, Field(ge=1, le=65535)]


def on_this_machine(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def fit_for_tokens(url: str) -> bool:
    """Whether an address is good enough to fetch keys from: https, or on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return (
        bool(host)
        and not parts.username
        and (parts.scheme == "https" or (parts.scheme == "http" and on_this_machine(host)))
    )


def _issuer_url(url: str) -> str:
    if not fit_for_tokens(url):
        raise ValueError("an issuer is an https address")
    return url


Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""All asymmetric: whoever can check a token cannot make one."""


class Issuer(BaseModel):
    """One whose access tokens are taken (OpenID Connect), and for which tenants.

    Its tokens name the tenant by `tenant_claim`; without one they are all for the only tenant. They name the user by
    `user_claim`, as `link-identity` has said. With `clients`, only tokens that were made for one of these are taken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(_issuer_url)]
    audience: Annotated[str, Field(min_length=1)]
    tenants: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")], ...], Field(min_length=1)]
    tenant_claim: str | None = None
    user_claim: str = "sub"
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("RS256",)
    clients: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_one_tenant(self) -> Self:
        if self.tenant_claim is None and len(self.tenants) > 1:
            raise ValueError("an issuer for several tenants needs a tenant_claim that names one of them")
        return self


KEY_FILES = ("ssl_keyfile", "api_keyfile")
FILES = ("ssl_cafile", "ssl_certfile", "api_certfile", "api_devices", *KEY_FILES)
"""Settings that name files; of those with a key in it none may be for others to read."""
EVERYBODYS = frozenset({"admin", "changeme", "default", "kafka", "kronika", "password", "postgres", "root", "secret"})
"""Passwords that nothing is kept by."""


class Settings(BaseSettings):
    """All settings; load them with `load_settings`, which says in one line what is wrong."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True, validate_default=True
    )

    home: AbsolutePath = Path(".kronika")
    """Where the local servers, the lakehouse and the keys live."""
    cache: AbsolutePath | None = None
    """Where downloads are kept for all homes; unset: the cache directory of the user."""

    database_url: Annotated[str, AfterValidator(_conninfo)] | None = Field(default=None, repr=False)
    """PostgreSQL 16 or newer, TLS by its parameters (sslmode, sslrootcert, ...); unset: a local server is started."""
    pool_min: int = Field(default=2, ge=0)
    pool_max: int = Field(default=10, ge=1)
    connect_timeout_s: float = Field(default=10, gt=0)
    statement_timeout_ms: int = Field(default=30_000, ge=0)

    kafka_bootstrap: Annotated[str, AfterValidator(_bootstrap)] | None = None
    """Kafka 3.7 or newer, as host:port,host:port; unset: a local broker is started."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_cafile: AbsolutePath | None = None
    ssl_certfile: AbsolutePath | None = None
    ssl_keyfile: AbsolutePath | None = None
    partitions: int = Field(default=8, ge=1, le=1024)
    """Of the topic and of every checkpoint; fixed for as long as the log lives."""

    api_host: str = "127.0.0.1"
    api_port: Port = 8000
    api_certfile: AbsolutePath | None = None
    """The API's certificate with what it rests on, for HTTPS; unset: HTTP, for this machine or behind a proxy."""
    api_keyfile: AbsolutePath | None = None
    api_devices: AbsolutePath | None = None
    """Certificates of authorities: a device that shows none of theirs is not let in, whatever key it has."""
    trusted_proxies: str | None = None
    """Addresses, with commas between, whose X-Forwarded-For is believed; keys may be bound to where callers are."""
    issuers: tuple[Issuer, ...] = ()
    """Whose access tokens are taken, as a JSON list: see Issuer."""

    key_rate: float = Field(default=10_000, gt=0)
    """Requests a second that one key or user may send for long, in each process; commands of a batch count each."""
    tenant_rate: float = Field(default=20_000, gt=0)
    """The same of a whole tenant."""
    burst_s: float = Field(default=5, gt=0)
    """For so many seconds' worth more may be asked at once."""
    body_max_bytes: int = Field(default=1_000_000, ge=1_000)
    """Of one request, but for the files of an import."""
    upload_max_bytes: int = Field(default=2_000_000_000, ge=1)
    """How much may be sent at once as the files of an import."""
    import_days: float = Field(default=30, gt=0)
    """For how long the files of an import are kept: for its results, and to correct its rows."""
    export_days: float = Field(default=7, gt=0)
    """For how long the file of an export is kept."""
    access_days: float = Field(default=1095, gt=0)
    """For how long it is kept who was shown what; `kronika migrate` tells the database, and only its owner can."""

    lake_path: str = Field(default_factory=lambda so_far: str(so_far["home"] / "lake"))
    """A directory, or an object store's URL."""
    analytics_memory: str = Field(default="512MB", pattern=r"^[1-9][0-9]*(MB|GB)$")
    """How much memory the questions to the lakehouse may use together, in each process that answers them."""
    analytics_timeout_s: float = Field(default=30, gt=0, le=600)
    """How long one question to the lakehouse may take."""
    keys_path: AbsolutePath = Field(default_factory=lambda so_far: so_far["home"] / "keys")
    """The key store's directory; never inside the log's database or its backups."""
    metrics_port: Port | None = None
    """Where a worker serves its own /metrics (under `kronika up` each at the next port); unset: nowhere."""
    stall_s: float = Field(default=120, gt=0)
    """A worker that has not come round for so long ends itself, to be started again."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.pool_min > self.pool_max:
            raise ValueError("KRONIKA_POOL_MIN must not be greater than KRONIKA_POOL_MAX")
        if len({issuer.url for issuer in self.issuers}) < len(self.issuers):
            raise ValueError("KRONIKA_ISSUERS names one issuer twice")
        if not on_this_machine(self.api_host) and any(on_this_machine(urlsplit(i.url).hostname) for i in self.issuers):
            raise ValueError("KRONIKA_ISSUERS: an issuer on this machine is for trying out, so not behind an open port")
        self._keep_secrets()
        if self.security_protocol.startswith("SASL") and not (
            self.sasl_mechanism and self.sasl_username and self.sasl_password
        ):
            raise ValueError(
                f"KRONIKA_SECURITY_PROTOCOL={self.security_protocol} needs KRONIKA_SASL_MECHANISM, "
                "KRONIKA_SASL_USERNAME and KRONIKA_SASL_PASSWORD"
            )
        if (self.api_certfile is None) != (self.api_keyfile is None) or (self.api_devices and not self.api_certfile):
            raise ValueError(
                "KRONIKA_API_CERTFILE and KRONIKA_API_KEYFILE belong together; KRONIKA_API_DEVICES needs both"
            )
        for name in FILES:
            path: Path | None = getattr(self, name)
            if path is not None and not path.is_file():
                raise ValueError(f"{_variable(name)}: there is no file {path}")
        for name in KEY_FILES:
            path = getattr(self, name)
            if path is not None and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ValueError(f"{_variable(name)} is readable by others; run: chmod 600 {path}")
        return self

    def _keep_secrets(self) -> None:
        """Raises ValueError for passwords that everybody knows."""
        url = conninfo_to_dict(self.database_url) if self.database_url else {}
        given = {
            "database_url": str(url.get("password") or ""),
            "sasl_password": self.sasl_password.get_secret_value() if self.sasl_password else "",
        }
        for name, password in given.items():
            if password.lower() in EVERYBODYS:
                raise ValueError(f"{_variable(name)} has a password that everybody knows; give it one of its own")

    def kafka_client(self, bootstrap: str) -> dict[str, Any]:
        """The connection arguments of every kafka-python client; `bootstrap` is host:port,host:port."""
        return {
            "bootstrap_servers": [server.strip() for server in bootstrap.split(",")],
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password and self.sasl_password.get_secret_value(),
            "ssl_cafile": self.ssl_cafile and str(self.ssl_cafile),
            "ssl_certfile": self.ssl_certfile and str(self.ssl_certfile),
            "ssl_keyfile": self.ssl_keyfile and str(self.ssl_keyfile),
        }


def load_settings(**given: Any) -> Settings:
    """The settings of this environment; what is `given` (and not None), as by a command line, wins over it.

    Raises SettingsError, whose text is one line, for a wrong value or an unknown KRONIKA_* variable.
    """
    _refuse_unknown(os.environ)
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise SettingsError(_one_line(error)) from None
    except NotReadable:  # the only setting that is JSON
        raise SettingsError(f"{_variable('issuers')} is to be a JSON list of issuers") from None


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {_variable(name) for name in Settings.model_fields}
    for variable in sorted(environment):
        if variable.upper().startswith(PREFIX) and variable.upper() not in known:
            near = difflib.get_close_matches(variable.upper(), known, n=1)
            raise SettingsError(f"{variable} is no setting of Kronika" + (f"; is {near[0]} meant?" if near else ""))


def _one_line(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    errors = [one for one in found if one["type"] != "default_factory_not_called"]  # only a consequence of the others
    first = errors[0]
    what = str(first["msg"]).removeprefix("Value error, ").replace("\n", " ")
    where = _variable(str(first["loc"][0])) + ": " if first["loc"] else ""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{where}{what}{more}"


def _variable(name: str) -> str:
    return PREFIX + name.upper()
