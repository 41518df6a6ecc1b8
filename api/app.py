"""The HTTP API: routes, middleware and errors put together, and the server that runs them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from api import (
    access,
    analytics,
    auditing,
    commands,
    customers,
    duplicates,
    exports,
    feed,
    health,
    identity,
    imports,
    opportunities,
    queries,
    reads,
    receivables,
    saved_queries,
    scores,
    undoing,
)
from api.docs import add_docs
from api.document import document
from api.door import Door
from api.kronika import Kronika
from deploy.serving import collect_by_the_clock, log_as_lines
from deploy.settings import Settings

DRAIN_S = 7
"""How long requests under way may take to end when the process is asked to stop; all is over within ten seconds."""


class Api(FastAPI):
    """FastAPI behind our door: what the door lets take the short way passes none of FastAPI's own layers."""

    door: Door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.door(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As FastAPI alone does."""
        await super().__call__(scope, receive, send)


def create_app(settings: Settings) -> Api:
    """The application; its lifespan opens the log (migrated before) and connections for reading."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Kronika.open(settings) as app.state.kronika:
            yield

    app = Api(
        title="Kronika",
        version="1",
        summary="A CRM that never forgets: commands in, events kept for ever, read models out.",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.router.routes.extend(routes := [*commands.routes(), undoing.route()])
    # named paths before those with an id
    for room in (
        access,
        auditing,
        identity,
        queries,
        analytics,
        customers,
        duplicates,
        exports,
        imports,
        opportunities,
        receivables,
        saved_queries,
        scores,
        reads,
        feed,
        health,
    ):
        app.include_router(room.router)
    add_docs(app)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]  # the way that FastAPI documents
    app.door = Door(
        app.answer, {route.path: route.direct for route in routes if isinstance(route, commands.DirectRoute)}
    )
    for kind in (HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, up)
    return app


async def up(request: Request, error: Exception) -> Response:
    """What FastAPI would word itself goes up to the door, where every exception becomes a problem."""
    raise error


class Server(uvicorn.Server):
    """uvicorn that collects garbage by the clock and, asked to stop, first tells those who wait for news that none will
    come."""

    app: FastAPI

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        collecting = asyncio.create_task(collect_by_the_clock())
        try:
            await super().serve(sockets)
        finally:
            collecting.cancel()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if opened := getattr(self.app.state, "kronika", None):
            opened.tide.end()
        super().handle_exit(sig, frame)


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; then finish what is under way and return."""
    log_as_lines(settings.log_level)
    app = create_app(settings)
    server = Server(
        uvicorn.Config(
            app,
            host=settings.api_host,
            port=settings.api_port,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=settings.trusted_proxies is not None,
            forwarded_allow_ips=settings.trusted_proxies or "",
            ssl_certfile=settings.api_certfile,
            ssl_keyfile=settings.api_keyfile,
            ssl_ca_certs=settings.api_devices and str(settings.api_devices),
            ssl_cert_reqs=ssl.CERT_REQUIRED if settings.api_devices else ssl.CERT_NONE,
            timeout_graceful_shutdown=DRAIN_S,
        )
    )
    server.app = app
    server.run()
