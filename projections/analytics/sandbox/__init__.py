"""Analysts' own SQL: looked through before it runs, in a process of its own that can read this tenant's rows alone."""
