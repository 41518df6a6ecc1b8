"""Scoring runs: what was scored, by which model, from what, and what came of it."""

from __future__ import annotations

from typing import LiteralString

from domain.scoring import ScoringRun
from eventlog.envelope import Recorded
from projections.projection import Row, Table, on
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, ROW_KEY, STREAM_COLUMNS, StreamRows


class ScoringRuns(StreamRows):
    """Each run."""

    version = 5  # told_in
    aggregate = ScoringRun
    table = Table(
        "scoring_runs",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "state": "text",
            "subject": "text",
            "model": "text",
            "as_of": "date",
            "horizon_days": "integer",
            "currency": "text",
            "rates": "jsonb",
            "margin": "numeric",
            "discount": "numeric",
            "valued_share": "numeric",
            "alert_below": "numeric",
            "opens_tickets": "boolean",
            "results": "uuid",
            "reflects": "bigint",
            "code": "text",
            "parameters": "jsonb",
            "likelihood": "numeric",
            "measures": "jsonb",
            "calibration": "jsonb",
            "scored": "integer",
            "at_risk": "integer",
            "without_rate": "jsonb",
            "sha256": "text",
            "told_in": "text",
            "why": "text",
        },
        indexes=(BY_CREATED, "(created_recorded_at) WHERE state = 'asked'"),
    )

    @on(ScoringRun.Requested)
    def begun(self, row: Row, event: ScoringRun.Requested, recorded: Recorded) -> None:
        """A run that fails never says what was tried, nor which rates were missing: there are none of either."""
        row["calibration"], row["without_rate"] = [], []


SHOWS: LiteralString = "(SELECT max(e.epoch) || '.' || t.reflects FROM log.epochs e)"

SCORING_RUN_ROWS = ScoringRuns()
SCORING_RUNS = Resource(
    "scoring_runs",
    SCORING_RUN_ROWS,
    stream="scoring_run",
    maps=("rates", "parameters", "measures"),
    lists=("without_rate",),
    hidden=("results", "reflects"),
    computed={"shows": ("text", SHOWS)},
    told={
        "state": "asked, finished, or failed (then `why` says for what reason).",
        "subject": "Who is scored: customers or opportunities.",
        "as_of": "At the end of this day (UTC).",
        "horizon_days": "How far is looked ahead.",
        "currency": "What values were asked for in; `told_in` is what they are told in: else that of all purchases.",
        "rates": "By currency, how much of the one asked for is had for one of it.",
        "margin": "What part of a purchase is left over.",
        "discount": "Of a year: what comes in a year later counts as divided by 1 + this.",
        "valued_share": "Of those who came back, what part counts as valued, by what they have spent.",
        "alert_below": "A valued customer less likely than this to be one still is at risk.",
        "code": "The versions of the models and of the libraries under them: with the same and the same position the"
        " scores come out the same.",
        "parameters": "By name, as fitted: r, alpha, a, b of bg-nbd and mbg-nbd or r, alpha, s, beta of pareto-nbd"
        " (times in weeks), with p, q, v of Gamma-Gamma (in `told_in`) where it could be fitted. Of `churn`: how many"
        " customers it was trained_on, and which of its kinds was taken (is_logistic, is_boosting: 1). Of"
        " opportunities: how many were decided, how often these were seen open before, and in what part of these"
        " cases the deal was won (average).",
        "likelihood": "The logarithm of the likelihood of all that was bought when; null for models that are trained.",
        "measures": "How good chances were for what the model had not seen, by model and measure (`logistic auc`): auc;"
        " log_loss and brier, errors; lift, how much oftener than to all it happened to the tenth given most. Beside"
        " `churn` stand bg-nbd and recency alone, and `beats bg-nbd` and `beats recency` say whether its log_loss is"
        " less than theirs (1) or not (0); those that begin with a day are of a model trained as of then and judged by"
        " the horizon after it. Beside `win` stands the stage's average. Of models of buying and leaving: the"
        " value_likelihood of Gamma-Gamma, and how far frequency_and_value go together (-1 to 1; it expects 0).",
        "calibration": "Of chances for what the model had not seen, in equal parts from the least to the most likely: a"
        " list of {count, foretold, happened}. Empty for models of buying and leaving.",
        "scored": "How many there are scores of.",
        "at_risk": "How many customers are at risk, newly or still.",
        "without_rate": "Currencies without a rate: who bought in one has no values.",
        "sha256": "Of the scores, one a line.",
        "told_in": "The currency that values are told in; null where purchases are in several and none was asked for.",
        "shows": "Events up to this position were counted.",
    },
)
