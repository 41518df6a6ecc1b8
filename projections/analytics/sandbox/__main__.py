"""Runs one analyst's query and ends: `python -m projections.analytics.sandbox`."""

from projections.analytics.sandbox.running import main

main()
