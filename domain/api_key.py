"""Keys to the API: whose each is, what it allows, from where, and until when; never what is secret in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from domain.aggregate import Aggregate, Changes, Move
from domain.refusals import AlreadyExists, Refusal
from domain.user import User, UserInactive

LONGEST = timedelta(days=2 * 366)
"""For how long a key may be issued."""

OVERLAP = timedelta(days=7)
"""For how long the secret before may go on after a rotation."""


class KeyEnded(Refusal):
    """A key that was revoked or has expired stays so; issue another one."""

    def __init__(self, key: ApiKey) -> None:
        super().__init__(f"Key {key.id} has ended; issue another one.", key.moves)


class UnfitExpiry(Refusal):
    """A key expires, after it was issued and within two years."""

    def __init__(self) -> None:
        super().__init__("A key expires after it was issued, and within two years.", ["issue-key"])


class ApiKey(Aggregate):
    """One key of a user. Its secrets are known to it by their public ids alone: the present one, and after a rotation
    the one before for a while, so that whoever uses it can change over without a pause."""

    class Issued(Move):
        axis = "standing"

        user_id: UUID
        label: str
        scopes: tuple[str, ...]
        networks: tuple[str, ...]
        """From where alone it opens anything; from anywhere when empty"""
        expires_at: datetime
        secret_id: str

    class Rotated(Move):
        axis = "standing"

        secret_id: str
        previous_secret_id: str
        previous_until: datetime

    class Revoked(Move):
        axis = "standing"

        def changes(self) -> Changes:
            return {("revoked",): True}

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.user_id: UUID | None = None
        self.label = ""
        self.scopes: tuple[str, ...] = ()
        self.networks: tuple[str, ...] = ()
        self.expires_at: datetime | None = None
        self.secret_id: str | None = None
        self.previous_secret_id: str | None = None
        self.previous_until: datetime | None = None
        self.revoked = False

    @property
    def moves(self) -> list[str]:
        if not self.exists:
            return ["issue-key"]
        return [] if self.revoked else ["rotate-key", "revoke-key"]

    def ends(self, secret_id: str) -> datetime | None:
        """Until when this secret of the key opens anything; None when it does no more, or never did."""
        if self.revoked or self.expires_at is None:
            return None
        if secret_id == self.secret_id:
            return self.expires_at
        if secret_id == self.previous_secret_id and self.previous_until is not None:
            return min(self.previous_until, self.expires_at)
        return None

    def issue(
        self,
        user: User,
        label: str,
        scopes: tuple[str, ...],
        networks: tuple[str, ...],
        expires_at: datetime,
        secret_id: str,
    ) -> None:
        if self.exists:
            raise AlreadyExists("key", self.id)
        if not user.active:
            raise UserInactive(user)
        if self.now is None or not self.now < expires_at <= self.now + LONGEST:
            raise UnfitExpiry
        self.record(
            self.Issued,
            user_id=user.id,
            label=label,
            scopes=scopes,
            networks=networks,
            expires_at=expires_at,
            secret_id=secret_id,
        )

    def rotate(self, secret_id: str, overlap: timedelta) -> None:
        """Have a new secret; the one before goes on for a while, and the one before that ends now."""
        assert self.now is not None
        if self.revoked or self.secret_id is None or self.expires_at is None or self.expires_at <= self.now:
            raise KeyEnded(self)
        self.record(
            self.Rotated,
            secret_id=secret_id,
            previous_secret_id=self.secret_id,
            previous_until=self.now + min(overlap, OVERLAP),
        )

    def revoke(self) -> None:
        if not self.revoked:
            self.record(self.Revoked)
