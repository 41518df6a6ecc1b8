"""Showing one record to people and teams that would not see it by their roles, and to none longer than is wanted."""

from __future__ import annotations

from typing import Any

from domain.aggregate import Changes, Move

AGAIN = "Share it anew, or share it no longer."


class Sharing(Move):
    """With whom, a user or a team (see `domain.policy.party`), to read it or to write it, too."""

    axis = "sharing"
    instead = AGAIN

    party: str
    access: str

    def changes(self) -> Changes:
        return {("shared_with", self.party): self.access}


class Unsharing(Move):
    axis = "sharing"
    instead = AGAIN

    party: str

    def changes(self) -> Changes:
        return {("shared_with", self.party): None}


def share(record: Any, party: str, access: str) -> None:
    """Let somebody read the record, or write it."""
    if record.shared_with.get(party) != access:
        record.record(record.Shared, party=party, access=access)


def unshare(record: Any, party: str) -> None:
    if party in record.shared_with:
        record.record(record.Unshared, party=party)
