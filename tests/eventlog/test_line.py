"""A line says one thing again and again, and whoever waits is told when it breaks."""

from __future__ import annotations

import asyncio
import struct

import psycopg
import pytest

from eventlog.line import Line

pytestmark = pytest.mark.anyio

LONG = struct.pack(">d", 30)


@pytest.fixture
def owner(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


async def sleeping(url: str, patience_s: float) -> Line:
    return await Line.open(url, "-c application_name=line", "SELECT pg_sleep($1)", ["float8"], patience_s)


async def test_what_is_said_is_done_each_time_however_much_it_is(database_url, owner):
    owner.execute("CREATE TABLE public.said (what text)")
    line = await Line.open(database_url, "", "INSERT INTO public.said VALUES ($1)", ["text"], 20)
    for said in (b"a word", "又一句".encode(), b"x" * 20_000_000):
        await line.say([said])
    await line.close()
    assert owner.execute("SELECT octet_length(what) FROM public.said").fetchall() == [(6,), (9,), (20_000_000,)]


async def test_what_is_refused_is_told_and_the_line_goes_on(database_url, owner):
    owner.execute("CREATE TABLE public.counted (what int PRIMARY KEY)")
    line = await Line.open(database_url, "", "INSERT INTO public.counted VALUES ($1)", ["int4"], 5)
    await line.say([struct.pack(">i", 1)])
    with pytest.raises(psycopg.errors.UniqueViolation):
        await line.say([struct.pack(">i", 1)])
    await line.say([struct.pack(">i", 2)])
    await line.close()
    assert owner.execute("SELECT count(*) FROM public.counted").fetchone() == (2,)


@pytest.mark.parametrize("waiting", [True, False])
async def test_a_server_that_hangs_up_is_heard_of(database_url, owner, waiting):
    line = await sleeping(database_url, 20)
    said = line.say([LONG]) if waiting else None
    await asyncio.sleep(0.1)
    owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'line'")
    await asyncio.sleep(0.1)
    with pytest.raises(psycopg.OperationalError):
        await (said or line.say([LONG]))
    await line.close()


async def test_a_server_that_is_silent_is_given_up(database_url):
    line = await sleeping(database_url, 0.1)
    with pytest.raises(psycopg.OperationalError, match="silent"):
        await line.say([LONG])
    await line.close()


@pytest.mark.parametrize("gone", [False, True])
async def test_what_the_event_loop_does_not_tell_is_found_out_soon(database_url, owner, gone):
    line = await Line.open(database_url, "-c application_name=deaf", "SELECT $1", ["text"], 20)
    asyncio.get_running_loop().remove_reader(line._socket)
    if gone:
        owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'deaf'")
    async with asyncio.timeout(5):
        if gone:
            with pytest.raises(psycopg.OperationalError):
                await line.say([b"a word"])
        else:
            await line.say([b"a word"])
    await line.close()
