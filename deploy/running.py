"""What runs in a home: where its servers are, noted while they run, so that other commands find them."""

import json
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from deploy.settings import Settings, SettingsError

if TYPE_CHECKING:
    from deploy.local import Addresses  # not at run time: with it comes Kafka's client, half a second for every command

NOTE = "running.json"


def note(settings: Settings, addresses: "Addresses") -> Path:
    """Write down where things are; for the owner's eyes only, as a password is in it."""
    path = settings.home / NOTE
    fresh = settings.home / f"{NOTE}.{os.getpid()}"
    text = {
        "database_url": addresses.database_url,
        "kafka_bootstrap": addresses.kafka_bootstrap,
        "api_host": settings.api_host,
        "api_port": settings.api_port,
    }
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        json.dump(text, file)
    fresh.rename(path)
    return path


def ready(settings: Settings) -> bool:
    """Whether the API answers that it takes commands."""
    try:
        health, trusting = f"{api_url(settings)}/health/ready", own_certificate(settings)
        with urlopen(health, timeout=3, context=trusting) as answer:  # noqa: S310  # our own address
            return bool(answer.status == 200)
    except OSError:
        return False


def api_url(settings: Settings) -> str:
    return f"http{'s' if settings.api_certfile else ''}://{settings.api_host}:{settings.api_port}"


def own_certificate(settings: Settings) -> ssl.SSLContext | None:
    """What asks the API of this home for its own certificate, whatever name that has, and shows it as a device's."""
    if settings.api_certfile is None:
        return None
    context = ssl.create_default_context(cafile=settings.api_certfile)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    context.load_cert_chain(settings.api_certfile, settings.api_keyfile)
    return context


def located(settings: Settings) -> Settings:
    """The settings with the addresses of both servers: as set, else (and then the API's, too) those of what runs in the
    home. Raises SettingsError when neither is known."""
    if settings.database_url and settings.kafka_bootstrap:
        return settings
    try:
        noted = json.loads((settings.home / NOTE).read_text())
    except (FileNotFoundError, ValueError):
        raise SettingsError(
            f"nothing runs in {settings.home}: start it with `kronika up`, or set KRONIKA_DATABASE_URL and "
            "KRONIKA_KAFKA_BOOTSTRAP"
        ) from None
    given = {"database_url": settings.database_url, "kafka_bootstrap": settings.kafka_bootstrap}
    return settings.model_copy(update=noted | {name: address for name, address in given.items() if address})
