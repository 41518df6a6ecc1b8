"""Asking for customers that may be one: those like a given one, page by page, or all of them at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from eventlog.envelope import Caller
from projections.duplicates.blocks import MOST, kind_of_key
from projections.duplicates.keys import DUPLICATES
from projections.duplicates.likeness import Likeness, Profile, likeness
from projections.lookups import name_scope
from projections.query import get, refuse_untold, scope, shown_to
from projections.sight import among

LIKELY = 0.5
"""From here on two customers are rather one than not."""

AT_ONCE = 100
"""So many customers are looked at together,"""
AT_MOST = 2_000
"""and so many for one page, however few duplicates there are among them."""

BY_INDEX = "SET LOCAL enable_seqscan = off"
"""To the planner comparing arrays costs next to nothing: for a part that many names have it would read all rows."""

PAIRS = 20_000
"""So many pairs are compared at once."""
KEPT = 100_000
"""Customers kept in memory for the next pairs, some 300 MB."""

COMPARED = ("name", "emails", "phones", "addresses", "birthday", "sex", "tax_id", "external_ids")
"""What is compared, and told as reasons."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """Two customers that may be one, and how likely that is."""

    one: Row
    other: Row
    likeness: Likeness


@dataclass
class Found:
    """Some pairs; `following` goes on after the last customer looked at, None at the end. `large` are the keys whose
    blocks were too large to be compared."""

    pairs: list[Pair] = field(default_factory=list)
    large: set[int] = field(default_factory=set)
    following: UUID | None = None

    @property
    def left_out(self) -> dict[str, int]:
        """How many blocks were not compared, by kind of key."""
        return dict(Counter(map(kind_of_key, self.large)))


def permit_comparison(caller: Caller) -> None:
    """Raises Forbidden where the caller is not told what is compared."""
    refuse_untold(DUPLICATES, caller.sight(DUPLICATES.stream).restricted, COMPARED)


async def duplicates_of(
    connection: AsyncConnection[Any], caller: Caller, id: UUID, *, min_score: float = LIKELY
) -> Found | None:
    """Who may be the same as this customer, the likeliest first; None when the caller sees no such customer. Raises
    Forbidden where the caller is not told what is compared."""
    permit_comparison(caller)
    async with connection.transaction():
        await connection.execute(BY_INDEX)
        await name_scope(connection, caller)
        rows = Rows(connection, caller)
        if not (await get(connection, caller, DUPLICATES, id, fields=("id",))).rows:
            return None
        found = Found()
        found.pairs += await compared(rows, await candidates(connection, caller, [id], found.large), min_score)
    found.pairs.sort(key=lambda pair: -pair.likeness.score)
    return found


async def page(
    connection: AsyncConnection[Any],
    caller: Caller,
    *,
    source: str | None = None,
    after: UUID | None = None,
    limit: int = 50,
    min_score: float = LIKELY,
) -> Found:
    """Pairs by the id of the first customer, each once; a page ends with the customer that makes it `limit` pairs. Of
    the customers of one `source` (a system, or an import), with whomever they may be the same as. Raises as above."""
    permit_comparison(caller)
    found = Found()
    async with connection.transaction():
        await connection.execute(BY_INDEX)
        await name_scope(connection, caller)
        rows = Rows(connection, caller)
        for _ in range(AT_MOST // AT_ONCE):
            ids = await customers(connection, caller, source, after, AT_ONCE)
            pairs = await candidates(connection, caller, ids, found.large)
            known = await rows.of({id for pair in pairs for id in pair})
            for id in ids:
                others = [(a, b) for a, b in pairs if a == id and b in known and once(a, known[b], source)]
                found.pairs += await compared(rows, others, min_score)
                after = id
                if len(found.pairs) >= limit:
                    found.following = after
                    return found
            if len(ids) < AT_ONCE:
                return found
    found.following = after
    return found


async def everything(
    connection: AsyncConnection[Any],
    caller: Caller,
    *,
    source: str | None = None,
    min_score: float = LIKELY,
    progress: Callable[[int, int], None] = lambda at, to: None,
) -> Found:
    """All pairs, the likeliest first. The store makes the blocks and of them the pairs, in one pass over all keys."""
    found, rows = Found(), Rows(connection, caller)
    async with connection.transaction():
        cursor = await connection.execute(LARGE.format(scope=seen(caller), most=sql.Literal(MOST)))
        found.large.update(key for (key,) in await cursor.fetchall())
        await connection.execute(ALL_PAIRS.format(scope=seen(caller), most=sql.Literal(MOST)))
        row = await (await connection.execute("SELECT count(*) FROM pairs")).fetchone()
        total, done = row[0] if row else 0, 0
        async for pairs in chunks(connection):
            known = await rows.of({id for pair in pairs for id in pair})
            wanted = [pair for pair in pairs if any(of_source(known[id], source) for id in pair)]
            found.pairs += await compared(rows, wanted, min_score)
            progress(done := done + len(pairs), total)
    found.pairs.sort(key=lambda pair: -pair.likeness.score)
    return found


async def chunks(connection: AsyncConnection[Any]) -> AsyncIterator[list[tuple[UUID, UUID]]]:
    async with connection.cursor(name="pairs", binary=True) as cursor:
        await cursor.execute("SELECT one, other FROM pairs ORDER BY one, other")
        while pairs := await cursor.fetchmany(PAIRS):
            yield pairs


class Rows:
    """What is known of the customers compared, each read and made comparable once."""

    def __init__(self, connection: AsyncConnection[Any], caller: Caller) -> None:
        self._connection, self._caller = connection, caller
        self._rows: dict[UUID, Row] = {}
        self._profiles: dict[UUID, Profile] = {}

    async def of(self, ids: Iterable[UUID]) -> dict[UUID, Row]:
        wanted = set(ids)
        if len(self._rows) > KEPT and not wanted <= self._rows.keys():
            self._rows, self._profiles = {}, {}
        if missing := [id for id in wanted if id not in self._rows]:
            cursor = self._connection.cursor(row_factory=dict_row)
            await cursor.execute(ROWS.format(scope=seen(self._caller), ids=sql.Literal(missing)))
            self._rows |= {row["id"]: row for row in await cursor.fetchall()}
        return self._rows

    def profile(self, id: UUID) -> Profile:
        if id not in self._profiles:
            self._profiles[id] = Profile.of(self._rows[id])
        return self._profiles[id]


async def compared(rows: Rows, pairs: list[tuple[UUID, UUID]], min_score: float) -> list[Pair]:
    """Those of the pairs that are likely enough one customer."""
    known = await rows.of({id for pair in pairs for id in pair})
    found = []
    for one, other in pairs:
        if one not in known or other not in known:  # given to somebody else this moment
            continue
        like = likeness(rows.profile(one), rows.profile(other), min_score)
        if like.score >= min_score:
            found.append(Pair(known[one], known[other], like))
    return found


async def customers(
    connection: AsyncConnection[Any], caller: Caller, source: str | None, after: UUID | None, limit: int
) -> list[UUID]:
    """The next customers by id, those of the source alone when one is given."""
    conditions = [shown_to(caller, DUPLICATES), seen(caller), sql.SQL("t.merged_into IS NULL")]
    if after:
        conditions.append(sql.SQL("t.id > {}").format(after))
    if source is not None:
        conditions.append(sql.SQL("{} IN (t.system, t.job::text)").format(source))
    cursor = await connection.execute(
        sql.SQL("SELECT t.id FROM {} t WHERE {} ORDER BY t.id LIMIT {}").format(
            DUPLICATES.rows, sql.SQL(" AND ").join(conditions), limit
        )
    )
    return [id for (id,) in await cursor.fetchall()]


async def candidates(
    connection: AsyncConnection[Any], caller: Caller, ids: list[UUID], large: set[int]
) -> list[tuple[UUID, UUID]]:
    """Each of these customers with each that shares a block with it; notes the keys of blocks too large for that."""
    cursor = await connection.execute(
        CANDIDATES.format(
            scope=seen(caller),
            ids=sql.Literal(ids),
            most=sql.Literal(MOST),
            more=sql.Literal(MOST + 1),
        )
    )
    pairs = []
    for one, other, key in await cursor.fetchall():
        if key is None:
            pairs.append((one, other))
        else:
            large.add(key)
    return pairs


def seen(caller: Caller) -> sql.Composed:
    """The condition on a row `t` that the customer is shown to the caller."""
    return scope(caller) + sql.SQL(" AND ") + among(caller, DUPLICATES.stream, sql.Identifier("t", "id"))


def of_source(row: Row, source: str | None) -> bool:
    return source is None or source in (row["system"], str(row["job"]))


def once(one: UUID, other: Row, source: str | None) -> bool:
    """Whether a pair is told with `one`: not, where it is told with the other."""
    return one < other["id"] or not of_source(other, source)


ROWS = sql.SQL("""
SELECT t.id, t.kind, t.name, t.emails, t.phones, t.addresses, t.birthday, t.sex, t.tax_id, t.external_ids,
       t.system, t.job
  FROM read.duplicate_keys t WHERE {scope} AND t.id = ANY ({ids})
""")

CANDIDATES = sql.SQL("""
WITH asked AS MATERIALIZED (
    SELECT t.id, k.key FROM read.duplicate_keys t CROSS JOIN unnest(t.keys) AS k(key)
     WHERE {scope} AND t.id = ANY ({ids})
), blocks AS MATERIALIZED (
    SELECT p.key, ARRAY(SELECT t.id FROM read.customers_with_key(p.key, {more}) AS t(id)) AS members
      FROM (SELECT DISTINCT key FROM asked) p
)
SELECT DISTINCT a.id, m.id, NULL::bigint
  FROM asked a JOIN blocks b USING (key) CROSS JOIN unnest(b.members) AS m(id)
 WHERE cardinality(b.members) <= {most} AND m.id <> a.id
UNION ALL
SELECT NULL, NULL, b.key FROM blocks b WHERE cardinality(b.members) > {most}
""")

LARGE = sql.SQL("""
SELECT k.key FROM read.duplicate_keys t CROSS JOIN unnest(t.keys) AS k(key)
 WHERE {scope} GROUP BY k.key HAVING count(*) > {most}
""")

ALL_PAIRS = sql.SQL("""
CREATE TEMPORARY TABLE pairs ON COMMIT DROP AS
WITH blocks AS (
    SELECT array_agg(t.id) AS members FROM read.duplicate_keys t CROSS JOIN unnest(t.keys) AS k(key)
     WHERE {scope} GROUP BY k.key HAVING count(*) BETWEEN 2 AND {most})
SELECT DISTINCT one.id AS one, other.id AS other
  FROM blocks b CROSS JOIN unnest(b.members) AS one(id) CROSS JOIN unnest(b.members) AS other(id)
 WHERE one.id < other.id
""")
