"""An empty FastAPI endpoint: the body model of a command and an answer of equal size, and nothing in between."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI

from commands.customers import LogInteraction
from tests.bench.load import load
from tests.bench.measure import Reading, Side
from tests.bench.place import Place, answering, free_port

CONNECTIONS = 64
ANSWER = {
    "stream": "customer",
    "id": "5eed0000-0000-0000-0000-000000000001",
    "version": 7,
    "position": "1.1234567",
    "types": ["customer.interaction-logged"],
    "repeated": False,
}

app = FastAPI()


@app.post("/empty")
async def empty(command: LogInteraction) -> dict[str, Any]:
    return ANSWER


@app.get("/ready")
async def ready() -> None:
    """Says that the process is up."""


def side(place: Place) -> Side:
    def take() -> Reading:
        port = free_port()
        with place.running(__name__, port):
            address = answering(f"http://127.0.0.1:{port}", "/ready")
            given = {"path": "/empty", "token": "kr_of_nobody", "customers": 4_000}
            load(address, "one.lua", 1, CONNECTIONS, given)
            return load(address, "one.lua", place.seconds, CONNECTIONS, given).reading()

    return Side("empty_endpoint", take)


if __name__ == "__main__":
    uvicorn.run(  # flag for flag as api/app.py serves
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
    )
