"""Adds event versions that are new in this release to the golden file."""

from tests.golden import add_new

print(f"{add_new()} event versions added")
