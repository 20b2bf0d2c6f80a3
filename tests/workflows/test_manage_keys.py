"""Keys on a client's behalf: all at once in a demo, by two people elsewhere."""

import secrets
from typing import Any

import pytest
from django.db import IntegrityError

from apps.approvals import queries as approvals
from apps.clients import queries
from apps.clients.errors import BadAllowList, BadLifetime, BadScope, TooManyKeys
from apps.clients.models import ApiKey
from apps.core import clock, db
from apps.core.errors import NotFound
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.manage_keys import create_key, request_key, revoke_key
from tests import world
from tests.people import staff
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
LOOP = ["127.0.0.0/8"]


def asked(**change: Any) -> dict[str, Any]:
    return {
        "client": "acme", "member": None, "public_key": secrets.token_bytes(32), "scopes": ["read", "trade"], "cidrs": LOOP,
        "prefix": "ak_test_", "days": 30, "hand_over": lambda key: None,
    } | change  # fmt: skip


def test_a_key_has_its_scopes_at_once_and_belongs_to_who_may_trade() -> None:
    clock.freeze_desk(world.NOON)  # keys live by the wall clock, wherever the desk's stands
    world.firm("acme")
    key = create_key(**asked())
    grant = queries.find_key(key.key_id)
    assert grant is not None
    assert (grant.scopes, grant.cidrs, grant.member_name) == ({"read", "trade"}, ("127.0.0.0/8",), "acme Trader")
    assert 29 <= (key.expires_at - clock.wall_now()).days <= 30
    assert create_key(**asked(member="acme Treasury")).member.name == "acme Treasury"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"client": "nobody"}, NotFound),
        ({"member": "Mallory"}, NotFound),
        ({"scopes": ["read", "steal"]}, BadScope),
        ({"scopes": []}, BadScope),
        ({"cidrs": []}, BadAllowList),
        ({"cidrs": ["300.0.0.0/8"]}, BadAllowList),
        ({"cidrs": ["anywhere"]}, BadAllowList),
        ({"days": 0}, BadLifetime),
        ({"days": 366}, BadLifetime),
    ],
)
def test_bad_input_makes_no_key(change: dict[str, Any], refusal: type[Exception]) -> None:
    world.firm("acme")
    staff("ada", "admin")
    with pytest.raises(refusal):
        create_key(**asked(**change))
    with pytest.raises(refusal):
        request_key(**asked(**change), requested_by="ada")
    assert not ApiKey.objects.exists()


def test_a_failed_hand_over_makes_no_key() -> None:
    world.firm("acme")

    def broken(key: ApiKey) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        create_key(**asked(hand_over=broken))
    assert not ApiKey.objects.exists()
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'key.created'") == (0,)


def test_a_client_has_eight_live_keys_at_most_also_when_made_at_once() -> None:
    world.firm("acme")
    found = together(12, lambda _: create_key(**asked()))
    assert sorted(type(one).__name__ for one in found) == ["ApiKey"] * 8 + ["TooManyKeys"] * 4
    revoke_key(key_id=next(one for one in found if isinstance(one, ApiKey)).key_id)
    create_key(**asked())
    with pytest.raises(TooManyKeys):
        create_key(**asked())


def test_elsewhere_a_key_is_read_only_until_compliance_has_approved() -> None:
    world.firm("acme")
    ada, carl = staff("ada", "admin"), staff("carl", "compliance")
    key, approval = request_key(**asked(), requested_by="ada")
    assert key.scopes == ["read"]
    assert approval is not None
    assert (approval.maker_id, approval.checker_roles, approval.payload) == (
        ada.id,
        ["compliance"],
        {"scopes": ["read", "trade"], "cidrs": LOOP},
    )
    assert decide_approval(approval_id=approval.id, actor=carl, approve=True).status == "EXECUTED"
    grant = queries.find_key(key.key_id)
    assert grant is not None
    assert (grant.scopes, grant.cidrs) == ({"read", "trade"}, ("127.0.0.0/8",))


def test_a_rejected_request_leaves_the_key_read_only() -> None:
    world.firm("acme")
    staff("ada", "admin")
    key, approval = request_key(**asked(), requested_by="ada")
    decide_approval(approval_id=approval.id, actor=staff("carl", "compliance"), approve=False)
    assert queries.find_key(key.key_id).scopes == {"read"}  # type: ignore[union-attr]


def test_a_key_revoked_meanwhile_is_not_widened() -> None:
    world.firm("acme")
    staff("ada", "admin")
    key, approval = request_key(**asked(), requested_by="ada")
    revoke_key(key_id=key.key_id)
    assert decide_approval(approval_id=approval.id, actor=staff("carl", "compliance"), approve=True).status == "STALE"
    assert queries.find_key(key.key_id).scopes == {"read"}  # type: ignore[union-attr]


def test_who_only_reads_needs_nobody_else() -> None:
    world.firm("acme")
    staff("ada", "admin")
    key, approval = request_key(**asked(scopes=["read"], cidrs=[]), requested_by="ada")
    assert (key.scopes, approval) == (["read"], None)
    assert not approvals.list_open().exists()


@pytest.mark.parametrize("role", ["sales", "compliance", "auditor"])
def test_only_an_admin_asks_for_a_clients_key(role: str) -> None:
    world.firm("acme")
    staff("pat", role)
    with pytest.raises(RoleMissing):
        request_key(**asked(), requested_by="pat")
    with pytest.raises(NotFound):
        request_key(**asked(), requested_by="nobody")
    assert not ApiKey.objects.exists()


def test_raw_sql_cannot_give_a_key_money_without_an_allow_list() -> None:
    world.firm("acme")
    create_key(**asked(scopes=["read"], cidrs=[]))
    with pytest.raises(IntegrityError):
        db.run("UPDATE clients_apikey SET scopes = '{read,withdraw}'")


def test_a_revoked_key_stays_revoked_and_revoking_again_is_fine() -> None:
    world.firm("acme")
    key = create_key(**asked())
    first = revoke_key(key_id=key.key_id).revoked_at
    assert revoke_key(key_id=key.key_id).revoked_at == first
    with pytest.raises(NotFound):
        revoke_key(key_id="ak_test_unknown")
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'key.revoked'") == (1,)
