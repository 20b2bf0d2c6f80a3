"""Risk moves between two books of one entity: a trader asks, risk or operations check, nobody owes."""

from decimal import Decimal as D

import pytest

from apps.approvals.errors import NotAChecker
from apps.core import db
from apps.core.actor import Actor
from apps.trades.errors import BadInternal
from apps.trades.models import Trade
from apps.users.errors import RoleMissing
from apps.workflows.book_internal import ask_internal
from apps.workflows.decide_approval import decide_approval
from tests.trades import books

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> dict[str, Actor]:
    return books.open_desk()


def ask(actor: Actor, **changes: object):  # type: ignore[no-untyped-def]
    given: dict[str, object] = {
        "book": "main", "to_book": "treasury", "instrument": "BTC-USD", "side": "sell", "quantity": D("2.5"), "price": None,
        "mid": D("20000.01"), "reason": "weekend inventory",
    }  # fmt: skip
    return ask_internal(actor=actor, **(given | changes))


@pytest.mark.parametrize("checker", ["rita", "olga"])
def test_position_moves_from_book_to_book_at_mid_and_the_entity_stays_flat(desk: dict[str, Actor], checker: str) -> None:
    asked = ask(desk["tara"])
    assert books.rows("trades_trade") == 0
    assert decide_approval(approval_id=asked.id, actor=desk[checker], approve=True).status == "EXECUTED"
    assert books.positions("main") == {"BTC": D("-2.5"), "USD": D("50000.02")}  # 2.5 × 20,000.01 = 50,000.025, half to even
    assert books.positions("treasury") == {"BTC": D("2.5"), "USD": D("-50000.02")}
    trade = Trade.objects.get()
    assert (trade.kind, trade.book.code, trade.to_book.code if trade.to_book else "", trade.counterparty.roles) == (
        "INTERNAL", "main", "treasury", ["HOUSE"],
    )  # fmt: skip
    assert books.rows("settlement_obligation") == 0
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'internal.booked' AND client_id IS NULL") == (1,)


def test_a_given_price_is_used_as_given(desk: dict[str, Actor]) -> None:
    asked = ask(desk["tara"], side="buy", price=D(19990), quantity=D(1))
    decide_approval(approval_id=asked.id, actor=desk["rita"], approve=True)
    assert books.positions("main") == {"BTC": D(1), "USD": D(-19990)}


def test_wrong_roles_ask_and_check_nothing(desk: dict[str, Actor]) -> None:
    for who in ("olga", "rita", "sam"):
        with pytest.raises(RoleMissing):
            ask(desk[who])
    asked = ask(desk["tara"])
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=desk["sam"], approve=True)
    assert books.rows("trades_trade") == 0


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"to_book": "main"}, "/to_book"),
        ({"to_book": "moon"}, "/to_book"),
        ({"book": "moon"}, "/book"),
        ({"instrument": "DOGE-USD"}, "/instrument"),
        ({"side": "both"}, "/side"),
        ({"quantity": D(0)}, "/quantity"),
        ({"quantity": D("1e-9")}, "/quantity"),
        ({"price": D(0)}, "/price"),
        ({"mid": None}, "/price"),
        ({"reason": " "}, "/reason"),
    ],
)
def test_what_cannot_be_an_internal_trade_is_refused_by_field(desk: dict[str, Actor], changes: dict[str, object], pointer: str) -> None:
    with pytest.raises(BadInternal) as no:
        ask(desk["tara"], **changes)
    assert no.value.extra["pointer"] == pointer
    assert books.rows("approvals_approval") == 0
