"""Routes of sales: the board of a pipeline, and how long an opportunity stayed in each stage."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.answers import Calling, Fresh, House, asked_of, reading
from api.errors import BadRequest
from api.reads import parameters
from commands.dispatch import NotFound
from domain.pipeline import DEFAULT_PIPELINE_ID
from projections.opportunities import OPPORTUNITIES
from projections.parked import parked
from projections.pipeline_board import board
from projections.pipelines import PIPELINES
from projections.query import MOST_ROWS, Ask, Filter, ask_of, select
from projections.stage_durations import STAGE_DURATIONS

router = APIRouter(tags=["opportunities"])
