"""The people and programs that work for a tenant: what each is trusted with, in which teams, and whom it reports to."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.aggregate import Aggregate, Changes, Fact, Move, Personal
from domain.refusals import AlreadyExists, Refusal
from domain.roles import ADMINISTRATOR


class UserInactive(Refusal):
    """A deactivated user is trusted with nothing more until it is reactivated."""

    def __init__(self, user: User) -> None:
        super().__init__(f"User {user.id} is deactivated; reactivate it first.", user.moves)


class OwnManager(Refusal):
    """Nobody reports to themselves."""

    def __init__(self, user: User) -> None:
        super().__init__(f"User {user.id} cannot be its own manager.", user.moves)


class User(Aggregate):
    """One of those who work with Kronika: a person, or a program that acts on its own (a service).

    Whoever signs in is found by an identity: what an issuer of tokens calls it. Roles, memberships and the manager are
    states, not facts: what is recorded last counts, whatever its date, so that what was revoked stays revoked.
    """

    class Registered(Move):
        axis = "standing"

        kind: str
        """human or service"""
        name: Personal[str]
        email: Personal[str]

        def changes(self) -> Changes:
            return {**super().changes(), ("active",): True}

    class Renamed(Fact):
        name: Personal[str]

    class EmailChanged(Fact):
        email: Personal[str]

    class HandleGiven(Move):
        axis = "handle"

        handle: str | None
        """What records call the user as their owner, besides its id; kept in the clear, as it is there"""

    class IdentityLinked(Move):
        axis = "identities"

        issuer: str
        subject: Personal[str]

        def changes(self) -> Changes:
            return {("identities", self.issuer): self.subject}

    class IdentityUnlinked(Move):
        axis = "identities"

        issuer: str

        def changes(self) -> Changes:
            return {("identities", self.issuer): None}

    class RoleAssigned(Move):
        axis = "roles"

        role: str

        def changes(self) -> Changes:
            return {("roles", self.role): True}

    class RoleRevoked(Move):
        axis = "roles"

        role: str

        def changes(self) -> Changes:
            return {("roles", self.role): None}

    class TeamJoined(Move):
        axis = "teams"

        team_id: UUID

        def changes(self) -> Changes:
            return {("teams", str(self.team_id)): True}

    class TeamLeft(Move):
        axis = "teams"

        team_id: UUID

        def changes(self) -> Changes:
            return {("teams", str(self.team_id)): None}

    class ManagerSet(Move):
        axis = "manager"

        manager_id: UUID | None

    class Deactivated(Move):
        axis = "standing"

        def changes(self) -> Changes:
            return {("active",): False}

    class Reactivated(Move):
        axis = "standing"

        def changes(self) -> Changes:
            return {("active",): True}

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.kind = ""
        self.active = True
        self.name: str | None = None
        self.email: str | None = None
        self.handle: str | None = None
        self.identities: dict[str, str] = {}
        """What each issuer of tokens calls this user"""
        self.roles: dict[str, bool] = {}
        self.teams: dict[str, bool] = {}
        """By the id of the team"""
        self.manager_id: UUID | None = None

    @property
    def claims(self) -> frozenset[tuple[str, str]]:
        emails = {("user-email", self.email.casefold())} if self.email else set()
        handles = {("user-handle", self.handle)} if self.handle else set()
        return frozenset(emails | handles | {identity(issuer, subject) for issuer, subject in self.identities.items()})

    @property
    def names(self) -> frozenset[str]:
        """What records call the user as their owner."""
        return frozenset(filter(None, (str(self.id), self.handle)))

    @property
    def parent(self) -> UUID | None:
        """Managers are parents to the log: it lets no circle of them close."""
        return self.manager_id

    @property
    def administers(self) -> bool:
        return self.active and ADMINISTRATOR in self.roles

    @property
    def moves(self) -> list[str]:
        if not self.exists:
            return ["register-user"]
        if not self.active:
            return ["reactivate-user", *CORRECTIONS]
        return [*TRUST, *CORRECTIONS, "deactivate-user"]

    def register(self, kind: str, name: str, email: str | None) -> None:
        if self.exists:
            raise AlreadyExists("user", self.id)
        self.record(self.Registered, kind=kind, name=name, email=email)

    def rename(self, name: str) -> None:
        self.learn(self.Renamed, name=name)

    def change_email(self, email: str | None) -> None:
        self.learn(self.EmailChanged, email=email)

    def go_by(self, handle: str | None) -> None:
        """Be called so by records; what was called otherwise is no longer this user's."""
        if handle != self.handle:
            self.record(self.HandleGiven, handle=handle)

    def link_identity(self, issuer: str, subject: str) -> None:
        self._refuse_when_inactive()
        if self.identities.get(issuer) != subject:
            self.record(self.IdentityLinked, issuer=issuer, subject=subject)

    def unlink_identity(self, issuer: str) -> None:
        if issuer in self.identities:
            self.record(self.IdentityUnlinked, issuer=issuer)

    def assign_role(self, role: str) -> None:
        self._refuse_when_inactive()
        if role not in self.roles:
            self.record(self.RoleAssigned, role=role)

    def revoke_role(self, role: str) -> None:
        if role in self.roles:
            self.record(self.RoleRevoked, role=role)

    def join(self, team_id: UUID) -> None:
        self._refuse_when_inactive()
        if str(team_id) not in self.teams:
            self.record(self.TeamJoined, team_id=team_id)

    def leave(self, team_id: UUID) -> None:
        if str(team_id) in self.teams:
            self.record(self.TeamLeft, team_id=team_id)

    def report_to(self, manager: User | None) -> None:
        """Report to a manager, or to nobody."""
        self._refuse_when_inactive()
        if manager is not None:
            if manager.id == self.id:
                raise OwnManager(self)
            manager._refuse_when_inactive()
        manager_id = manager.id if manager else None
        if manager_id != self.manager_id:
            self.record(self.ManagerSet, manager_id=manager_id)

    def deactivate(self) -> None:
        if self.active:
            self.record(self.Deactivated)

    def reactivate(self) -> None:
        if not self.active:
            self.record(self.Reactivated)

    def _refuse_when_inactive(self) -> None:
        if not self.active:
            raise UserInactive(self)


def identity(issuer: str, subject: str) -> tuple[str, str]:
    """What of a user must be its alone, so that a token names one."""
    return "identity", f"{issuer}|{subject}"


TRUST = ("link-identity", "assign-role", "add-to-team", "set-manager")
"""What only an active user is given."""

CORRECTIONS = ("rename-user", "change-user-email", "give-handle", "unlink-identity", "revoke-role", "remove-from-team")
"""What is put right or taken away of any user, deactivated ones included."""
