"""The organisation itself: its name, and who administers it."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from domain.aggregate import Aggregate, Changes, Fact, Move
from domain.refusals import Refusal

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
"""What a tenant may be called in keys, tokens and the log."""

TENANT_ID = UUID("6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d02")
"""The one stream of this kind that every tenant has."""


class LastAdministrator(Refusal):
    """A tenant that has had an administrator always keeps at least one."""

    def __init__(self) -> None:
        super().__init__(
            "This user is the only administrator; give somebody else that role first.", ["assign-role", "register-user"]
        )


class Tenant(Aggregate):
    """Whose data it all is. It exists without a word; from its first administrator on it always has one: who becomes
    or ceases to be one does so here, too, so that the last two cannot leave at once."""

    class Named(Fact):
        name: str

    class PolicySet(Move):
        """Who may see and do what from now on: the whole text, so that the log alone tells what was so on any day."""

        axis = "policy"

        policy: str | None
        """None: the one that comes with Kronika"""

    class AdministratorNamed(Move):
        axis = "administrators"

        user_id: UUID

        def changes(self) -> Changes:
            return {("administrators", str(self.user_id)): True}

    class AdministratorDismissed(Move):
        axis = "administrators"

        user_id: UUID

        def changes(self) -> Changes:
            return {("administrators", str(self.user_id)): None}

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.name: str | None = None
        self.policy: str | None = None
        self.administrators: dict[str, bool] = {}

    @property
    def moves(self) -> list[str]:
        return ["name-tenant", "set-policy"]

    def call(self, name: str) -> None:
        self.learn(self.Named, name=name)

    def decide_by(self, policy: str | None) -> None:
        """Follow this policy; None is the one that comes with Kronika."""
        if policy != self.policy:
            self.record(self.PolicySet, policy=policy)

    def administered_by(self, user_id: UUID, administers: bool) -> None:
        """Take note of whether this user administers the tenant. Raises LastAdministrator."""
        known = str(user_id) in self.administrators
        if administers and not known:
            self.record(self.AdministratorNamed, user_id=user_id)
        if known and not administers:
            if len(self.administrators) == 1:
                raise LastAdministrator
            self.record(self.AdministratorDismissed, user_id=user_id)
