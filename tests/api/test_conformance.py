"""Every operation answers as its document says, whatever the document allows to be asked."""

from __future__ import annotations

from collections import Counter

import pytest

from projections.analytics import lake

from .conformance import ask, operations, served


@pytest.fixture(scope="module")
def api(settings):
    lake.prepare(str(settings.database_url), settings.lake_path)
    with served(settings) as at:
        yield at


def test_every_operation_answers_as_its_document_says(api, key):
    asked: Counter[str] = Counter()
    found = [
        operation for operation in operations(*api) if "/chart." not in operation.path
    ]  # drawn where asked at length
    assert len(found) > 150
    for operation in found:
        ask(operation, key, 1, 1, asked)
    assert asked.total() >= len(found)
    assert asked["2xx"]
