"""What an operator is told: one clear line of what is wrong and what to do, and a code that a script can go by."""

from __future__ import annotations

import sys
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from api import keys as api_keys
from deploy import cli
from deploy.printing import printer
from tests.conftest import server


@pytest.fixture(scope="module")
def database(database_url):
    api_keys.prepare(database_url)
    return database_url


@pytest.fixture
def answered(database, tmp_path, monkeypatch, capsys):
    """The code and the words with which a command ends, in a company of this module's own without Kafka."""
    monkeypatch.setattr(cli, "console", printer())
    for name, value in {"database_url": database, "kafka_bootstrap": "127.0.0.1:1", "home": str(tmp_path)}.items():
        monkeypatch.setenv(f"KRONIKA_{name.upper()}", value)

    def answered(*arguments):
        monkeypatch.setattr(sys, "argv", ["kronika", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    return answered


@pytest.fixture
def another(monkeypatch):
    """Names another database, an empty one, in the settings."""
    url, name = server("postgres"), f"t_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield lambda: monkeypatch.setenv("KRONIKA_DATABASE_URL", make_conninfo(url, dbname=name))
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["ask", "register-customer", "{}"],
        ["replay", str(uuid4())],
        ["duplicates", "--json"],
        ["rebuild", "customers"],
        ["reconcile", "--lakehouse"],
        ["key", "create", "acme", "li"],
        ["policy", "show", "acme"],
        ["parked", "list"],
    ],
)
def test_a_database_that_was_never_migrated_is_told_by_what_to_do(answered, another, arguments):
    another()
    code, said = answered(*arguments)
    assert code == 1
    assert "run `kronika migrate`" in said
    assert len(said.split("\n")) <= 3, said


def test_a_kafka_that_is_away_is_told_by_its_setting(answered):
    code, said = answered("relay", "--from", "1")
    assert (code, said.count("\n")) == (1, 1), said
    assert "KRONIKA_KAFKA_BOOTSTRAP" in said


def test_where_no_file_can_be_written_is_told_before_anything_is_asked_for(answered, tmp_path):
    assert answered("export", "customers", "--out", str(tmp_path)) == (
        1,
        f"{tmp_path} is a directory; name the file to write\n",
    )


def test_a_file_that_cannot_be_read_is_told_by_its_name(answered, tmp_path):
    mapping = tmp_path / "shop.yaml"
    mapping.mkdir()
    code, said = answered("policy", "set", "acme", str(mapping))
    assert (code, said.count("\n")) == (1, 1), said
    assert str(mapping) in said
