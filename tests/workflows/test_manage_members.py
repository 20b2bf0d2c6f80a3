"""Who acts for a client is asked by sales, granted by compliance and, where they may deal for more, risk; their keys obey it at once."""

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from apps.approvals.errors import ApprovalOpen, NotAChecker, SameHands
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.clients import rules
from apps.clients.models import Authority, Member
from apps.core import clock, db
from apps.core.actor import Actor
from apps.core.errors import AppError, NotFound
from apps.events.models import Event
from apps.pricing.feeds import bus
from apps.users.errors import RoleMissing
from apps.workflows.close_member import close_member
from apps.workflows.decide_approval import decide_approval
from apps.workflows.manage_members import BadMember, Grant, MemberKnown, ask_authority, ask_member
from tests import people, world
from tests import web as webs
from tests.api.test_flights import ask

pytestmark = pytest.mark.django_db(transaction=True)
MAIN = Grant("acme-main", ("trader", "viewer"), D(250_000))
ANN: dict[str, Any] = {"client": "acme", "name": "Ann Able", "email": "ann@acme.example", "grants": [MAIN], "reason": "their new trader"}
LOOKS = Grant("acme-main", ("viewer",))


@pytest.fixture
def acme() -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    return world.firm("acme")


@pytest.fixture
def desk() -> dict[str, Actor]:
    roles = {"sam": "sales", "tara": "trader", "olga": "operations", "rita": "risk", "carl": "compliance", "cora": "compliance"}
    return {name: people.staff(name, role) for name, role in roles.items()}


def sign(asked: Approval, *who: Actor) -> str:
    for one in who:
        done = decide_approval(approval_id=asked.id, actor=one, approve=True)
    return str(done.status)


def held(member_id: Any) -> tuple[list[str], D | None]:
    found = Authority.objects.get(member_id=member_id)
    return found.roles, found.dealing_limit


def test_a_member_is_there_when_compliance_and_risk_have_signed(acme: world.Firm, desk: dict[str, Actor]) -> None:
    asked = ask_member(actor=desk["sam"], **ANN)
    with pytest.raises(ApprovalOpen):
        ask_member(actor=desk["carl"], **ANN)
    with pytest.raises(SameHands):
        sign(asked, desk["sam"])
    assert sign(asked, desk["carl"]) == "REQUESTED" and not Member.objects.filter(name="Ann Able").exists()
    assert sign(asked, desk["rita"]) == "EXECUTED"
    ann = Member.objects.get(name="Ann Able")
    assert (ann.counterparty_id, ann.email, held(ann.id)) == (acme.client_id, "ann@acme.example", (["viewer", "trader"], D(250_000)))
    with pytest.raises(MemberKnown):
        ask_member(actor=desk["sam"], **ANN)
    # who only looks takes compliance alone, and never the one who asked
    looks = ask_member(actor=desk["carl"], **ANN | {"name": "Lou", "grants": [LOOKS]})
    with pytest.raises(NotAChecker):
        sign(looks, desk["rita"])
    assert sign(looks, desk["cora"]) == "EXECUTED"


def test_keys_obey_what_was_granted_with_their_next_request(acme: world.Firm, desk: dict[str, Actor]) -> None:
    key = webs.key_for(acme.trader)
    assert acme.trader.id is not None
    assert ask(key, "r-1").status_code == 201

    def change(grant: Grant, *who: str) -> None:
        asked = ask_authority(actor=desk["sam"], member_id=acme.trader.id, grants=[grant], reason="as agreed")
        assert sign(asked, *(desk[one] for one in who)) == "EXECUTED", Approval.objects.get(id=asked.id).comment

    change(replace(MAIN, dealing_limit=D("0.01")), "carl")  # stricter: without risk
    refused = ask(key, "r-2")
    assert (refused.status_code, refused.json()["code"]) == (422, "dealing_limit_exceeded")
    told = Event.objects.filter(kind="authority.set").latest("position").house
    assert told["old"] == {"roles": ["viewer", "trader"], "dealing_limit": None}
    assert (told["roles"], told["dealing_limit"]) == (["viewer", "trader"], "0.01")
    change(MAIN, "carl", "rita")  # the limit rises
    assert ask(key, "r-3").status_code == 201
    change(replace(MAIN, dealing_limit=None), "rita", "carl")  # and is lifted
    change(LOOKS, "carl")
    assert ask(key, "r-4").json()["code"] == "not_entitled"
    change(Grant("acme-main"), "carl")  # nothing: the account is not theirs to see
    grant = clients.find_key(key.key_id)
    assert grant is not None and grant.account_ids == frozenset() and grant.roles == frozenset()
    assert ask(key, "r-5").status_code in {403, 404, 422}
    assert not clients.visible_to(grant.actor()).exists()


def test_what_has_changed_since_it_was_asked_is_not_granted(acme: world.Firm, desk: dict[str, Actor]) -> None:
    member: Any = acme.trader.id
    stale = ask_authority(actor=desk["sam"], member_id=member, grants=[LOOKS], reason="x")
    with pytest.raises(ApprovalOpen):
        ask_authority(actor=desk["carl"], member_id=member, grants=[MAIN], reason="x")
    db.run("UPDATE clients_authority SET dealing_limit = 5 WHERE member_id = %s", [member])
    assert sign(stale, desk["carl"]) == "STALE"
    gone = ask_authority(actor=desk["sam"], member_id=member, grants=[LOOKS], reason="x")
    close_member(actor=desk["cora"], member_id=member)
    gone.refresh_from_db()
    assert gone.status == "WITHDRAWN" and held(member) == (["viewer", "trader"], D(5))
    with pytest.raises(NotFound):
        ask_authority(actor=desk["sam"], member_id=member, grants=[LOOKS], reason="x")


def test_what_cannot_be_is_refused_by_field_and_leaves_nothing(acme: world.Firm, desk: dict[str, Actor]) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": ""}, "name"), ({"name": "Ann\nAble"}, "name"), ({"name": "a" * 121}, "name"),
        ({"email": ""}, "email"), ({"email": "ann"}, "email"), ({"email": "ann@acme@x.example"}, "email"),
        ({"grants": []}, "roles"), ({"grants": [Grant("acme-main")]}, "roles"), ({"reason": ""}, "reason"),
        ({"grants": [Grant("acme-other", ("viewer",))]}, "account"), ({"grants": [LOOKS, LOOKS]}, "account"),
        ({"grants": [Grant("acme-main", ("owner",))]}, "roles_acme-main"),
        *(({"grants": [replace(MAIN, dealing_limit=D(n))]}, "limit_acme-main") for n in ("0", "-1", "0.001", "NaN", "1E12")),
        ({"grants": [replace(LOOKS, dealing_limit=D(1))]}, "limit_acme-main"),
    ]  # fmt: skip
    for changes, pointer in wrong:
        with pytest.raises(BadMember) as no:
            ask_member(actor=desk["sam"], **ANN | changes)
        assert no.value.extra["pointer"] == pointer, changes
    with pytest.raises(BadMember, match="nothing changes"):
        ask_authority(actor=desk["sam"], member_id=acme.trader.id, grants=[replace(MAIN, dealing_limit=None)], reason="x")  # type: ignore[arg-type]
    refused: list[tuple[str, dict[str, Any], type[AppError]]] = [
        *((name, {}, RoleMissing) for name in ("tara", "olga", "rita")),
        ("sam", {"client": "nobody"}, NotFound),
        ("sam", {"client": "house-flowdesk"}, BadMember),
    ]
    for name, changes, error in refused:
        with pytest.raises(error):
            ask_member(actor=desk[name], **ANN | changes)
    assert not Approval.objects.exists()


def test_risk_looks_at_whoever_may_deal_for_more() -> None:
    more = [((), None, 5), (("viewer",), None, None), (("trader",), 5, 6), (("trader",), 5, None)]
    less = [(("trader",), None, 5), (("trader",), 5, 5), (("trader",), 6, 5), (("trader",), None, None)]
    for expected, cases in ((True, more), (False, less)):
        for old_roles, old, new in cases:
            limits = [None if one is None else D(one) for one in (old, new)]
            assert rules.deals_more(old_roles, limits[0], ("trader",), limits[1]) is expected
    assert not rules.deals_more((), None, ("viewer", "settlement", "admin"), None)
