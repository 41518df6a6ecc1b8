"""The organisation: its users, their roles and managers, its teams, and the administrator it always keeps."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given

from commands.teams import DissolveTeam, FoundTeam, PutTeamWithin, RenameTeam
from commands.tenants import NameTenant
from commands.users import (
    AddToTeam,
    AssignRole,
    ChangeUserEmail,
    DeactivateUser,
    LinkIdentity,
    ReactivateUser,
    RegisterUser,
    RemoveFromTeam,
    RenameUser,
    RevokeRole,
    SetManager,
    UnlinkIdentity,
)
from domain.refusals import MoveOutOfOrder
from domain.team import Team, TeamDissolved, WithinItself
from domain.tenant import TENANT_ID, LastAdministrator, Tenant
from domain.user import OwnManager, User, UserInactive
from tests.domain.anything import ID, events_of, happenings, known, stream
from tests.scenario import Scenario

LI, WU, NORTH, SALES = (UUID(int=n) for n in range(31, 35))

li = RegisterUser(user_id=LI, name="Li Wei", email="li@example.com")
wu = RegisterUser(user_id=WU, name="Wu Fang")
north = FoundTeam(team_id=NORTH, name="North")
sales = FoundTeam(team_id=SALES, name="Sales")


def administrator(user_id: UUID) -> AssignRole:
    return AssignRole(user_id=user_id, role="administrator")


@pytest.fixture
def crm():
    return Scenario()


def test_a_user_is_registered_named_and_addressed(crm):
    crm.when(li).then((User.Registered, {"kind": "human", "name": "Li Wei", "email": "li@example.com"}))
    crm.when(RenameUser(user_id=LI, name="Li Na")).then((User.Renamed, {"name": "Li Na"}))
    crm.when(RenameUser(user_id=LI, name="Li Na")).then()
    assert crm.streams[LI].claims == {("user-email", "li@example.com")}
    crm.when(ChangeUserEmail(user_id=LI, email=None)).then(User.EmailChanged)
    assert crm.streams[LI].claims == set()


def test_an_identity_is_one_users_alone(crm):
    crm.given(li).when(LinkIdentity(user_id=LI, issuer="https://login", subject="7")).then(User.IdentityLinked)
    assert ("identity", "https://login|7") in crm.streams[LI].claims
    crm.when(LinkIdentity(user_id=LI, issuer="https://login", subject="7")).then()
    crm.when(UnlinkIdentity(user_id=LI, issuer="https://login")).then(User.IdentityUnlinked)
    assert ("identity", "https://login|7") not in crm.streams[LI].claims


def test_roles_and_teams_are_given_and_taken_once(crm):
    crm.given(li, north)
    crm.when(AssignRole(user_id=LI, role="manager")).then((User.RoleAssigned, {"role": "manager"}))
    crm.when(AssignRole(user_id=LI, role="manager")).then()
    crm.when(AddToTeam(user_id=LI, team_id=NORTH)).then((User.TeamJoined, {"team_id": NORTH}))
    crm.when(RemoveFromTeam(user_id=LI, team_id=NORTH)).then(User.TeamLeft)
    crm.when(RevokeRole(user_id=LI, role="manager")).then(User.RoleRevoked)
    crm.when(RevokeRole(user_id=LI, role="manager")).then()


def test_what_was_revoked_cannot_be_dated_back_and_so_be_without_effect(crm):
    crm.given(li, AssignRole(user_id=LI, role="manager"))
    crm.when(RevokeRole(user_id=LI, role="manager", occurred_at="2020-01-01T00:00:00Z")).then_refused(MoveOutOfOrder)


def test_a_deactivated_user_is_given_nothing_and_can_lose_all(crm):
    crm.given(li, wu, north, AssignRole(user_id=LI, role="support"), DeactivateUser(user_id=LI))
    for refused in (
        AssignRole(user_id=LI, role="manager"),
        AddToTeam(user_id=LI, team_id=NORTH),
        SetManager(user_id=LI, manager_id=WU),
        SetManager(user_id=WU, manager_id=LI),
        LinkIdentity(user_id=LI, issuer="https://login", subject="7"),
    ):
        crm.when(refused).then_refused(UserInactive)
    crm.when(RevokeRole(user_id=LI, role="support")).then(User.RoleRevoked)
    crm.when(ReactivateUser(user_id=LI)).then(User.Reactivated)
    crm.when(ReactivateUser(user_id=LI)).then()


def test_somebody_reports_to_somebody_else(crm):
    crm.given(li, wu)
    crm.when(SetManager(user_id=LI, manager_id=LI)).then_refused(OwnManager)
    crm.when(SetManager(user_id=LI, manager_id=WU)).then((User.ManagerSet, {"manager_id": WU}))
    assert crm.streams[LI].parent == WU
    crm.when(SetManager(user_id=LI, manager_id=None)).then((User.ManagerSet, {"manager_id": None}))


def test_from_the_first_administrator_on_there_is_always_one(crm):
    crm.given(li, wu)
    crm.when(administrator(LI)).then(User.RoleAssigned, (Tenant.AdministratorNamed, {"user_id": LI}))
    crm.when(RevokeRole(user_id=LI, role="administrator")).then_refused(LastAdministrator)
    crm.when(DeactivateUser(user_id=LI)).then_refused(LastAdministrator)
    crm.given(administrator(WU))
    crm.when(DeactivateUser(user_id=LI)).then(User.Deactivated, (Tenant.AdministratorDismissed, {"user_id": LI}))
    crm.when(DeactivateUser(user_id=WU)).then_refused(LastAdministrator)
    crm.when(ReactivateUser(user_id=LI)).then(User.Reactivated, (Tenant.AdministratorNamed, {"user_id": LI}))
    crm.when(RevokeRole(user_id=WU, role="administrator")).then(User.RoleRevoked, Tenant.AdministratorDismissed)


def test_another_role_of_an_administrator_is_no_matter_of_the_tenants(crm):
    crm.given(li, administrator(LI)).when(AssignRole(user_id=LI, role="auditor")).then(User.RoleAssigned)


def test_a_tenant_has_a_name(crm):
    crm.when(NameTenant(name="ACME")).then((Tenant.Named, {"name": "ACME"}))
    assert crm.streams[TENANT_ID].name == "ACME"


def test_teams_lie_within_each_other_until_they_are_dissolved(crm):
    crm.given(sales, north)
    crm.when(PutTeamWithin(team_id=NORTH, within_id=NORTH)).then_refused(WithinItself)
    crm.when(PutTeamWithin(team_id=NORTH, within_id=SALES)).then((Team.PutWithin, {"within_id": SALES}))
    assert crm.streams[NORTH].parent == SALES
    crm.when(RenameTeam(team_id=NORTH, name="Northern Sales")).then(Team.Renamed)
    crm.given(li, DissolveTeam(team_id=NORTH))
    crm.when(AddToTeam(user_id=LI, team_id=NORTH)).then_refused(TeamDissolved)
    crm.when(PutTeamWithin(team_id=SALES, within_id=NORTH)).then_refused(TeamDissolved)
    crm.when(DissolveTeam(team_id=NORTH)).then()


@pytest.mark.parametrize("kind", [User, Team, Tenant])
def test_any_events_fold_in_any_order(kind):
    @given(happenings(events_of(kind), max_size=8))
    def folds(happened):
        events = stream(happened)
        once, again = kind.fold(ID, events), kind.fold(ID, events)
        assert once.version == len(events)
        assert known(once) == known(again)
        assert once.claims is not None
        assert once.moves

    folds()
