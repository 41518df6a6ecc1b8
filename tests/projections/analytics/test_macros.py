"""The views as a foreign DuckDB finds them, which has nothing of Kronika and a role that only reads."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from uuid import uuid4

import duckdb
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from projections.analytics import VIEWS
from projections.analytics.lake import extension_file, literal
from projections.analytics.macros import script, written
from projections.analytics.views import Funnel
from projections.analytics.views.view import View
from tests.projections.analytics.histories import Histories, at
from tests.projections.analytics.made_up import makes_up
from tests.projections.analytics.test_views import history

RATES = "EUR:8, USD:7.1"
ASKED: dict[str, dict[str, object]] = {
    "funnel": {"cohort": "quarter", "owner": "li"},
    "win_rate": {"by": "owner", "period": "month", "currency": "CNY", "first": date(2024, 6, 1)},
    "forecast": {"target": Decimal("7000.5")},
    "sales_results": {"by": "region"},
    "sales_trend": {"period": "quarter", "period_from": date(2025, 1, 1)},
    "revenue": {"by": "product"},
    "rfm": {"currency": "EUR"},
    "top_customers": {"most": 3},
    "baskets": {"support": Decimal("0.05")},
    "customer_distribution": {"by": "owner"},
    "service_cycles": {"kind": "fault"},
    "service_attainment": {"by": "kind", "first_response_within": 120},
    "purchase_histories": {"currency": "CNY", "rates": RATES},
}


@pytest.fixture(scope="module")
def company(lakehouse):
    """Sales, orders and tickets of ours, and another company's."""
    with lakehouse.open() as lake:
        ours, theirs = Histories(lake), Histories(lake, positions=10_000)
        for company in (ours, theirs):
            chance = Random(7)
            makes_up(company, chance)
            for _ in range(30):
                ticket = uuid4()
                for moment, event in history(chance):
                    company.happens(ticket, type(event), moment, **vars(event) | {"kind": "fault"})
            company.write()
        yield ours


@pytest.fixture(scope="module")
def reader(lakehouse, company):
    """Who may read the lakehouse's catalog, and nothing else."""
    name = f"bi_{uuid4().hex[:8]}"
    with psycopg.connect(lakehouse.url, autocommit=True) as owner:
        owner.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret' IN ROLE kronika_lake").format(sql.Identifier(name))
        )
        yield make_conninfo(lakehouse.url, user=name, password="secret")
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def attached(lakehouse, reader: str, file: str = ":memory:") -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(file, config={"autoinstall_known_extensions": "false"})
    for extension in ("ducklake", "postgres_scanner"):
        connection.execute(f"LOAD '{extension_file(extension)}'")
    connection.execute(
        f"ATTACH 'ducklake:postgres:{literal(reader)}' AS lake"
        f" (METADATA_SCHEMA 'lake', DATA_PATH '{lakehouse.path}', OVERRIDE_DATA_PATH true, READ_ONLY)"
    )
    return connection


@pytest.fixture(scope="module")
def foreign(lakehouse, reader):
    with attached(lakehouse, reader) as connection:
        connection.execute(script())
        yield connection


def call(tenant: str, view: View) -> str:
    """As an analyst would write it."""
    told = view.model_dump(exclude_unset=True)
    if "rates" in told:
        told["rates"] = RATES
    given = [f"{name} := {written(value)}" for name, value in told.items()]
    return f"FROM kronika.{view.name}({', '.join([written(tenant), *given])})"


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_a_foreign_duckdb_is_answered_what_kronika_answers(company, foreign, view):
    past = {"as_of": date(2025, 2, 3)}
    for asked in (past, past | ASKED.get(view.name, {}), {"as_of": at(8, 1, year=2024)}, {"known_at": 90} | past):
        question = view.model_validate(asked)
        ours = company.lake.ask(company.caller, question).rows
        told = foreign.execute(call(company.caller.tenant, question)).to_arrow_table()
        assert told.column_names == list(view.columns)
        assert told.to_pylist() == ours.to_pylist()


def test_a_view_is_asked_as_of_now_and_as_known_at_a_moment(company, foreign):
    tenant = company.caller.tenant
    now = company.lake.ask(company.caller, Funnel()).rows.to_pylist()
    assert foreign.execute(f"FROM kronika.funnel('{tenant}')").to_arrow_table().to_pylist() == now != []
    moment = datetime(2024, 8, 1, tzinfo=UTC)
    then = company.lake.ask(company.caller, Funnel(known_at=moment)).rows.to_pylist()
    told = foreign.execute(f"FROM kronika.funnel('{tenant}', known_at := '2024-08-01 00:00:00+00')")
    assert told.to_arrow_table().to_pylist() == then != now


def test_a_bi_tool_keeps_what_it_asks_as_a_view_of_its_own(company, foreign):
    foreign.execute(f"CREATE VIEW results AS FROM kronika.sales_results('{company.caller.tenant}', period := 'month')")
    ours = company.lake.ask(company.caller, VIEWS["sales_results"].model_validate({"period": "month"})).rows
    assert foreign.execute("FROM results").to_arrow_table().to_pylist() == ours.to_pylist() != []


def test_every_view_is_listed_with_what_it_means_and_how_it_is_asked(foreign):
    found = foreign.execute("SELECT name, definition, call, columns FROM kronika.views ORDER BY ALL").fetchall()
    assert [name for name, *_ in found] == sorted(VIEWS)
    for name, definition, asked, columns in found:
        assert definition == VIEWS[name].definition()
        assert [line.partition(":")[0] for line in columns.splitlines()] == list(VIEWS[name].columns)
        assert foreign.execute(asked).fetchall() == [], "your tenant is nobody's"
    macros = foreign.execute("SELECT function_name FROM duckdb_functions() WHERE schema_name = 'kronika' ORDER BY 1")
    assert [name for (name,) in macros.fetchall()] == sorted(VIEWS)


def test_what_would_be_answered_wrongly_is_refused_with_what_to_do(company, foreign):
    tenant = company.caller.tenant
    with pytest.raises(duckdb.Error, match="by is one of owner, team, channel, region"):
        foreign.execute(f"FROM kronika.win_rate('{tenant}', by := 'city')").fetchall()
    with pytest.raises(duckdb.Error, match="form is one of close, cohort"):
        foreign.execute(f"FROM kronika.win_rate('{tenant}', form := '')").fetchall()
    with pytest.raises(duckdb.Error, match='invalid timestamp field format: "yesterday"'):
        foreign.execute(f"FROM kronika.funnel('{tenant}', as_of := 'yesterday')").fetchall()
    with foreign.cursor() as elsewhere:
        elsewhere.execute("SET TimeZone = 'Europe/Berlin'")
        with pytest.raises(duckdb.Error, match="say SET TimeZone = 'UTC'"):
            elsewhere.execute(f"FROM kronika.win_rate('{tenant}')").fetchall()


def test_the_reader_changes_nothing_and_sees_nothing_else(foreign, reader):
    with pytest.raises(duckdb.Error):
        foreign.execute("DELETE FROM lake.payments")
    with psycopg.connect(reader, autocommit=True) as connection:
        for statement in ("SELECT * FROM log.events", "DELETE FROM lake.ducklake_table"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_script_of_a_later_release_replaces_the_macros_of_an_earlier(company, foreign):
    foreign.execute("CREATE OR REPLACE MACRO kronika.funnel(tenant) AS TABLE SELECT 'as it was'")
    foreign.execute(script())
    now = company.lake.ask(company.caller, Funnel()).rows.to_pylist()
    told = foreign.execute(f"FROM kronika.funnel('{company.caller.tenant}')").to_arrow_table().to_pylist()
    assert told == now


def test_macros_are_kept_in_a_database_of_the_analyst_s_own(company, lakehouse, reader, tmp_path):
    file = str(tmp_path / "mine.duckdb")
    with attached(lakehouse, reader, file) as first:
        first.execute(script())
    with attached(lakehouse, reader, file) as again:
        again.execute("SET TimeZone = 'UTC'")
        told = again.execute(f"FROM kronika.funnel('{company.caller.tenant}')").to_arrow_table().to_pylist()
    assert told == company.lake.ask(company.caller, Funnel()).rows.to_pylist()
