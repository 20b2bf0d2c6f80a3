"""Position limits: proposed, agreed by risk, kept in versions; passed ones are told, and past hard only what reduces risk is automatic."""

from decimal import Decimal as D

import pytest
from django.db import IntegrityError, transaction

from apps.approvals.errors import NotAChecker
from apps.core import db
from apps.core.actor import Actor
from apps.pricing.models import PositionLimit
from apps.rfqs.states import Side
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.import_fills import import_fills
from apps.workflows.limit_position import BadLimit, propose_limit, watch_positions
from tests import world
from tests.desk.day import ask_for
from tests.trades import books

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> dict[str, Actor]:
    return books.open_desk()


def limit(desk: dict[str, Actor], soft: str, hard: str, asset: str = "BTC", **changes: str) -> None:
    given = {"book": "main", "reason": "first quarter"} | changes
    asked = propose_limit(actor=desk["tara"], asset=asset, soft=D(soft), hard=D(hard), **given)
    assert decide_approval(approval_id=asked.id, actor=desk["rita"], approve=True).status == "EXECUTED"


def long(quantity: str, side: str = "buy", execution_id: str = "x-1") -> None:
    line = books.line(quantity=quantity, side=side, execution_id=execution_id, fee="0")
    import_fills(text=books.HEADER + line, book_code="main", made_by=None)


def reasons(side: Side, quantity: str, reference: str) -> list[str]:
    rfq, quote, _ = ask_for(reasons.firm, reference, "BTC-USD", side, quantity)  # type: ignore[attr-defined]
    assert (quote is None) == bool(rfq.reasons)
    return [reason for reason in rfq.reasons if reason == "INVENTORY"]


def test_a_limit_is_agreed_by_risk_and_kept_in_versions(desk: dict[str, Actor]) -> None:
    limit(desk, "10", "20")
    limit(desk, "12", "24")
    assert list(PositionLimit.objects.order_by("version").values_list("version", "soft", "hard", "effective_until")) == [
        (1, D(10), D(20), world.NOON), (2, D(12), D(24), None),
    ]  # fmt: skip
    newest = PositionLimit.objects.get(version=2)
    assert (newest.proposed_by, newest.approved_by) == (desk["tara"].id, desk["rita"].id)


def test_wrong_roles_neither_propose_nor_agree(desk: dict[str, Actor]) -> None:
    for who in ("olga", "rita"):
        with pytest.raises(RoleMissing):
            propose_limit(actor=desk[who], book="main", asset="BTC", soft=D(1), hard=D(2), reason="x")
    asked = propose_limit(actor=desk["sam"], book="main", asset="BTC", soft=D(1), hard=D(2), reason="x")
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=desk["tara"], approve=True)
    assert not PositionLimit.objects.exists()


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"soft": D(3)}, "/hard"),
        ({"soft": D(0)}, "/soft"),
        ({"book": "moon"}, "/book"),
        ({"asset": "DOGE"}, "/asset"),
        ({"reason": ""}, "/reason"),
    ],
)
def test_what_is_no_limit_is_refused_by_field(desk: dict[str, Actor], changes: dict[str, object], pointer: str) -> None:
    given: dict[str, object] = {"book": "main", "asset": "BTC", "soft": D(1), "hard": D(2), "reason": "x"} | changes
    with pytest.raises(BadLimit) as no:
        propose_limit(actor=desk["tara"], **given)
    assert no.value.extra["pointer"] == pointer


def test_passing_a_limit_and_coming_back_are_told_once_each(desk: dict[str, Actor]) -> None:
    limit(desk, "1", "2")
    long("1")
    assert watch_positions() == 0  # at the limit is inside it
    long("0.5", execution_id="x-2")
    assert (watch_positions(), watch_positions()) == (1, 0)
    long("4", side="sell", execution_id="x-3")  # short 2.5
    assert watch_positions() == 1
    long("2.5", execution_id="x-4")
    assert watch_positions() == 2
    told = [kind for (kind,) in db.run("SELECT kind FROM events_event WHERE kind LIKE 'position.%%' ORDER BY position")]
    assert told == ["position.soft_passed", "position.hard_passed", "position.back_inside", "position.back_inside"]
    assert db.one("SELECT count(*) FROM pricing_positionbreach WHERE ended_at IS NULL") == (0,)


def test_past_hard_only_the_side_that_reduces_risk_is_priced_by_itself(desk: dict[str, Actor]) -> None:
    reasons.firm = world.firm("acme")  # type: ignore[attr-defined]
    limit(desk, "5", "10")
    long("9")
    assert reasons(Side.SELL, "1", "r-1") == []  # to 10: at the limit
    assert reasons(Side.SELL, "1.5", "r-2") == ["INVENTORY"]
    assert reasons(Side.BUY, "1.5", "r-3") == []
    assert reasons(Side.TWO_WAY, "1.5", "r-4") == []
    (both,) = db.run("SELECT buy_price, sell_price FROM rfqs_quote q JOIN rfqs_rfq r ON r.id = q.rfq_id WHERE r.client_rfq_id = 'r-4'")
    assert both[0] > 0, "the side that brings us nearer to flat is answered"
    assert both[1] is None, "the other is not"
    long("3", execution_id="x-2")  # 12, past hard
    assert reasons(Side.SELL, "0.1", "r-5") == ["INVENTORY"]
    assert reasons(Side.BUY, "0.1", "r-6") == []
    assert reasons(Side.BUY, "23", "r-7") == []  # to short 11: nearer to flat than long 12
    assert reasons(Side.BUY, "25", "r-8") == ["INVENTORY"]  # to short 13


def test_a_limit_of_the_quote_asset_counts_too(desk: dict[str, Actor]) -> None:
    reasons.firm = world.firm("acme")  # type: ignore[attr-defined]
    limit(desk, "50000", "100000", asset="USD")
    assert reasons(Side.BUY, "1", "r-1") == []
    assert reasons(Side.BUY, "2", "r-2") == ["INVENTORY"]  # brings 136,843 USD
    limit(desk, "1", "2", asset="BTC", book="treasury")  # another book's
    assert reasons(Side.BUY, "1", "r-3") == []


def test_limits_are_kept_by_the_database(desk: dict[str, Actor]) -> None:
    limit(desk, "1", "2")
    for sql, by in [
        ("UPDATE pricing_positionlimit SET hard = 100", "pricing_positionlimit_frozen"),
        ("DELETE FROM pricing_positionlimit", ""),
        ("INSERT INTO pricing_positionlimit SELECT gen_random_uuid(), book_id, asset_code, 2, soft, hard, reason, effective_from, NULL, "
         "proposed_by, approved_by FROM pricing_positionlimit", "positionlimit_one_current"),
        ("INSERT INTO pricing_positionlimit SELECT gen_random_uuid(), book_id, 'ETH', 1, soft, hard, reason, effective_from, NULL, "
         "proposed_by, proposed_by FROM pricing_positionlimit", "positionlimit_four_eyes"),
    ]:  # fmt: skip
        with pytest.raises(Exception, match=r".") as no, transaction.atomic():
            db.run(sql)
        if by:
            assert isinstance(no.value, IntegrityError)
            assert no.value.__cause__.diag.constraint_name == by  # type: ignore[union-attr]
