"""Finds customers by any part of a name, an e-mail address or a telephone number, whatever its script and case."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from unicodedata import category, normalize
from uuid import UUID
from zlib import crc32

from psycopg import AsyncConnection, sql

from domain.customer import Customer
from domain.policy import Sight
from eventlog.envelope import Caller
from projections.as_of import part, rows, seen, together, ways
from projections.asking import MOST_ROWS, BadQuery, no_oddities
from projections.customer_card import CUSTOMERS
from projections.cut import NOW, Cut
from projections.lookups import name_scope
from projections.projection import Row, Table
from projections.query import (
    WORDED,
    Page,
    Statement,
    one,
    parked_among,
    refuse_untold,
    scope,
    shown,
    shown_rows,
    some_parked,
    started,
)
from projections.resource import Resource
from projections.sight import written
from projections.stream_rows import ROW_KEY, STREAM_COLUMNS, StreamRows

CANDIDATES = 10_000
"""So many matches are ranked; a search for a single common letter would otherwise rank a good part of the table."""

CJK = 0x2E80
"""From here on, scripts whose characters say as much as words do."""


class CustomerSearch(StreamRows):
    """The searchable text of each customer: `\\n`, then a line for the name and each e-mail address and number.

    `grams` are hashes of (tenant, short part of the text): all parts of three characters, of one or two Chinese
    characters, and the first one or two characters of each word. An index on them finds parts of any length, of one
    tenant alone, where an index of trigrams finds none shorter than three. Hits are compared with the text itself.
    """

    aggregate = Customer
    version = 2  # customers that were merged
    reads = (
        Customer.Registered,
        Customer.Renamed,
        Customer.EmailsChanged,
        Customer.PhonesChanged,
        Customer.Absorbed,
        Customer.GaveBack,
    )
    table = Table(
        "customer_search",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {"name": "text", "emails": "jsonb", "phones": "jsonb", "searchable": "text", "grams": "integer[]"},
        indexes=("USING gin (grams)",),
    )

    def derive(self, row: Row) -> None:
        numbers = (phone["digits"].lstrip("+") for phone in row["phones"] or ())
        lines = [folded(line) for line in (row["name"] or "", *(row["emails"] or ()), *numbers)]
        row["searchable"] = "".join(f"\n{line}" for line in lines) + "\n"
        row["grams"] = sorted({gram_of(row["tenant"], part) for line in lines for part in parts_of(line)})


def folded(text: str) -> str:
    """The text as it is compared: no accents, no full-width forms, no upper case, single spaces."""
    plain = "".join(sign for sign in normalize("NFKD", text) if category(sign) != "Mn")
    return " ".join(normalize("NFC", plain).casefold().split())


def parts_of(line: str) -> Iterable[str]:
    """The parts of a line that its index entries stand for."""
    for word in line.split():
        for i, sign in enumerate(word):
            two, three = word[i : i + 2], word[i : i + 3]
            begins = i == 0 or not word[i - 1].isalnum()
            if begins or ord(sign) >= CJK:
                yield sign
            if len(two) == 2 and (begins or any(ord(one) >= CJK for one in two)):
                yield two
            if len(three) == 3:
                yield three


def parts_needed(term: str) -> set[str]:
    """The parts that a text with this term in it has."""
    return {term} if len(term) < 3 else {term[i : i + 3] for i in range(len(term) - 2)}


def gram_of(tenant: str, part: str) -> int:
    """A hash that fits PostgreSQL's integer; different parts may share one, as hits are compared with the text."""
    return crc32(f"{tenant}|{part}".encode()) - 2**31


CUSTOMER_SEARCH = CustomerSearch()
SEARCHED = Resource("customer_search", CUSTOMER_SEARCH, stream="customer", hidden=("grams",))
"""What is searched, and its past; nobody is shown it."""


async def search(
    connection: AsyncConnection[Any],
    caller: Caller,
    text: str,
    *,
    limit: int = 20,
    fields: tuple[str, ...] = ("id", "version", "kind", "active", "name", "emails", "phones", "owner", "team"),
    cut: Cut = NOW,
) -> Page:
    """The customers whose name, e-mail addresses and numbers have all words of `text` in them: exact ones first, then
    those that begin with it, then those with a word that begins with it, then the rest; each as it was, where `cut`,
    which is settled, says so. Raises BadQuery."""
    if unknown := [name for name in fields if name not in CUSTOMERS.columns]:
        raise BadQuery(f"customers have no field {unknown[0]!r}; possible: {', '.join(CUSTOMERS.columns)}.")
    if not 1 <= limit <= MOST_ROWS:
        raise BadQuery(f"limit is to be between 1 and {MOST_ROWS}.")
    permit_search(caller)
    fields = tuple(name for name in fields if name not in caller.sight(CUSTOMERS.stream).hidden)
    whole, readings = readings_of(text)
    words, shown_from = sought(caller.tenant, whole, readings), seen(CUSTOMERS, cut)
    async with connection.pipeline(), connection.transaction():
        await name_scope(connection, caller)
        cursor = await started(connection, statement(caller, len(readings), limit, fields, cut), words)
        any_parked = await started(connection, some_parked(caller, shown_from))
    found = await cursor.fetchall()
    told = [{name: shown(CUSTOMERS.columns[name], row[name]) for name in fields} for row in found]
    ids: list[UUID] = [row["_id"] for row in found]
    parked = await parked_among(connection, caller, shown_from, ids) if (await one(any_parked))["any"] else {}
    return Page(told, parked=parked)


def permit_search(caller: Caller) -> None:
    """Raises Forbidden where the caller is not told what is searched."""
    refuse_untold(CUSTOMERS, caller.sight(CUSTOMERS.stream).restricted, ("name", "emails", "phones"))


def sought(tenant: str, whole: list[str], readings: list[list[str]]) -> dict[str, list[Any]]:
    """What is looked for, by the names that the statement has for it: of each reading the parts that the index knows,
    and patterns; and the patterns that rank what is found."""
    parts = [sorted({gram_of(tenant, part) for term in terms for part in parts_needed(term)}) for terms in readings]
    patterns = [[f"%{escaped(term)}%" for term in terms] for terms in readings]
    return {
        **{f"parts_{number}": some for number, some in enumerate(parts)},
        **{f"patterns_{number}": some for number, some in enumerate(patterns)},
        **{name: [one.format(escaped(text)) for text in whole for one in some] for name, some in RANKS.items()},
    }


RANKS = {
    "exactly": ["%\n{}\n%"],
    "beginning": ["%\n{}%"],
    "a_word_of": ["% {}%", "%@{}%", "%.{}%", "%-{}%", "%\\_{}%"],
}


def statement(caller: Caller, readings: int, limit: int, fields: Iterable[str], cut: Cut = NOW) -> Statement:
    """The search in words, apart from what is looked for: the same for whatever somebody looks for."""
    if cut:
        return worded(caller, readings, limit, fields, cut)
    return worded_now(caller.tenant, caller.sight(CUSTOMERS.stream), readings, limit, tuple(fields))


@lru_cache(WORDED)
def worded_now(tenant: str, sight: Sight, readings: int, limit: int, fields: tuple[str, ...]) -> sql.SQL:
    return written(worded(Caller(tenant, "", sights={CUSTOMERS.stream: sight}), readings, limit, fields, NOW))


def worded(caller: Caller, readings: int, limit: int, fields: Iterable[str], cut: Cut) -> sql.Composed:
    return sql.SQL(
        # What matches is found first, on its own: the index is then the only way to it, whatever the planner believes.
        # It is in order before customers are joined, so that no more of these are read than are shown.
        "WITH found AS MATERIALIZED (SELECT {distinct} s.tenant, s.id, s.name, s.searchable FROM {searched} s)"
        " SELECT {fields}, c.id AS _id FROM ("
        " SELECT s.tenant, s.id, s.name, {rank} AS rank, length(s.name) AS long"
        " FROM (SELECT s.* FROM found s WHERE {scope} LIMIT {candidates}) s"
        " ORDER BY rank, long, s.name, s.id) s"
        " JOIN {customers} c USING (tenant, id)"
        " WHERE {visible} AND c.merged_into IS NULL AND c.retracted IS NULL"
        " ORDER BY s.rank, s.long, s.name, s.id LIMIT {limit}"
    ).format(
        distinct=sql.SQL("DISTINCT" if readings > 1 or cut else ""),
        fields=sql.SQL(", ").join(sql.Identifier("c", name) for name in fields),
        searched=together([matching(number, cut) for number in range(readings)]),
        customers=plain(shown_rows(caller, seen(CUSTOMERS, cut), rows(CUSTOMERS, cut), decided=True)),
        rank=RANK,
        scope=plain(scope(caller, "s")),
        visible=plain(scope(caller, "c")),
        candidates=sql.Literal(CANDIDATES),
        limit=sql.Literal(limit),
    )


RANK = sql.SQL(
    "CASE WHEN s.searchable LIKE ANY (%(exactly)s::text[]) THEN 0"
    " WHEN s.searchable LIKE ANY (%(beginning)s::text[]) THEN 1"
    " WHEN s.searchable LIKE ANY (%(a_word_of)s::text[]) THEN 2 ELSE 3 END"
)


def plain(part: sql.Composable) -> sql.SQL:
    """A part of a statement that names none of what is looked for: a % in it is a %."""
    return sql.SQL(part.as_string(None).replace("%", "%%"))


def readings_of(text: str) -> tuple[list[str], list[list[str]]]:
    """What may be meant: the whole text, and as a number when it looks like one; and the terms of each reading."""
    try:
        plain = folded(no_oddities(text))
    except ValueError:
        plain = ""
    if not plain or len(plain) > 200:
        raise BadQuery("Search for 1 to 200 characters of a name, an e-mail address or a number.")
    whole, readings = [plain], [plain.split()]
    number = re.sub(r"[\s()+./-]", "", plain).lstrip("0")
    if number.isdecimal() and len(number) >= 3 and number != plain:
        whole.append(number)
        readings.append([number])
    return whole, readings


def matching(reading: int, cut: Cut) -> sql.Composable:
    """The customers that have all that is looked for, or had then, and are shown to whom the transaction has named:
    looked up where row security does not slow it down."""
    found = sql.SQL("{}({}::integer[], {}::text[])").format(
        sql.Identifier("read", "customers_that_matched" if cut else "customers_matching"),
        sql.Placeholder(f"parts_{reading}"),
        sql.Placeholder(f"patterns_{reading}"),
    )
    if not cut:
        return sql.SQL("(SELECT * FROM {} p)").format(found)
    return together([part(found, way.condition) for way in ways(cut)])


def escaped(text: str) -> str:
    """The text as itself within a LIKE pattern."""
    return re.sub(r"([\\%_])", r"\\\1", text)
