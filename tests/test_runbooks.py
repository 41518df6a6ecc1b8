"""Every runbook is executed by a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "deploy" / "RUNBOOKS.md").read_text())


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_the_test_that_a_runbook_names_exists(file, test):
    assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_every_runbook_names_a_test():
    rows = [line for line in (ROOT / "deploy" / "RUNBOOKS.md").read_text().splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    assert all("::test_" in row for row in rows)
