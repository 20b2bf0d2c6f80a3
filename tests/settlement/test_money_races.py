"""Two at once: answers, a close-out against an accept, sweeps. And any mixture of what moves money: afterwards everything is proven."""

import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.core.errors import AppError
from apps.core.states import IllegalMove
from apps.jobs import settlement as jobs
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.models import Adjustment, CloseOut, Obligation
from apps.workflows.accept_quote import accept_quote
from apps.workflows.adjust import Wanted, ask_adjustment, ask_reversal
from apps.workflows.close_out import ask_close_out
from apps.workflows.decide_approval import decide_approval
from apps.workflows.redate_deal import ask_redate
from apps.workflows.request_quote import request_quote
from apps.workflows.transfer_house import ask_house_transfer
from tests import books, world
from tests.people import staff
from tests.settlement import world as here
from tests.stories.test_fails import marks, on_file
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


def wanted(kind: str, direction: str, amount: str) -> Wanted:
    return Wanted(kind, direction, "USD", D(amount), clock.desk_now().date(), "agreed")


def twice(sweep: Any) -> None:
    """Two at once, of which none may fail: one finds the work done."""
    ends = together(2, lambda _: sweep())
    assert [one for one in ends if isinstance(one, Exception)] == []


def test_two_answers_at_once_book_it_once() -> None:
    here.open_house("USD")
    firm = world.firm("acme")
    _, asked = ask_adjustment(actor=staff("olga", "operations"), account_code=firm.account.code, wanted=wanted("REBATE", "PAY", "5"))
    checkers = [staff(name, "finance") for name in ("fay", "finn", "flo")]
    ends = together(3, lambda n: decide_approval(approval_id=asked.id, actor=checkers[n], approve=True))
    assert sorted("IllegalMove" if isinstance(one, IllegalMove) else getattr(one, "status", repr(one)) for one in ends) == [
        "EXECUTED", "IllegalMove", "IllegalMove",
    ]  # fmt: skip
    assert Obligation.objects.count() == 1 and db.one("SELECT count(*) FROM ledger_ledgertransaction WHERE kind = 'ADJUSTMENT'") == (1,)


def test_an_accept_and_a_close_out_never_both_win() -> None:
    """Either the deal was there first, and what was asked on has changed; or the client is out, and the accept comes too late."""
    here.open_house("USD", "BTC")
    firm = world.firm("acme")
    on_file(firm=firm)
    here.deal(firm, Side.BUY, "1")
    marks(date(2026, 9, 15), BTC="20000")
    given = {"client_code": "acme", "event": "INSOLVENCY", "evidence": "court", "marks_date": date(2026, 9, 15)}
    asked = ask_close_out(actor=staff("rita", "risk"), **given)
    depth = world.depth("BTC-USD", "20000", at=clock.desk_now())
    ask = Ask("race", "BTC-USD", Side.BUY, D(1), None, "", 10_000, 60_000)
    _, quote, _ = request_quote(actor=firm.trader, account_id=None, ask=ask, depth=depth, usd_per_quote=D(1), elapsed_us=lambda: 1)
    assert quote is not None
    ron, price = staff("ron", "risk"), quote.buy_price

    def act(number: int) -> Any:
        if number:
            return decide_approval(approval_id=asked.id, actor=ron, approve=True).status
        return accept_quote(actor=firm.trader, quote_id=quote.id, client_order_id="race", side=Side.BUY, price=price)

    accepted, closed = together(2, act)
    dealt = not isinstance(accepted, Exception)
    assert dealt or isinstance(accepted, AppError), accepted
    assert dealt == (closed == "STALE") and (not dealt) == (closed == "EXECUTED"), (accepted, closed)
    open_ = Obligation.objects.exclude(status="CLOSED_OUT").filter(trade__isnull=False).count()
    assert (open_, CloseOut.objects.count()) == ((4, 0) if dealt else (0, 1))


def test_sweeps_that_run_twice_at_once_move_a_house_transfer_once() -> None:
    source, target = here.open_house("USD")["USD"], here.open_client_money(asset="USD")
    given = {"source_id": source.id, "target_id": target.id, "amount": D(100), "reason": "cover"}
    made, asked = ask_house_transfer(actor=staff("olga", "operations"), **given)
    decide_approval(approval_id=asked.id, actor=staff("fay", "finance"), approve=True)
    twice(jobs.instruct_due)
    assert here.release(here.only("READY").id) == "EXECUTED"
    twice(jobs.run_all)
    here.pay_in("USD", D(100), name="Flowdesk Ltd", address=source.address, designation="CLIENT")
    here.at(clock.desk_now(), hours=2)
    twice(jobs.run_all)
    jobs.run_all()
    made.refresh_from_db()
    assert made.status == "SETTLED"
    books.proven()
    nostros = dict(db.run("SELECT owner_id, amount FROM ledger_ledgeraccount WHERE kind = 'NOSTRO'"))
    assert nostros == {source.id: D(9_999_900), target.id: D(100)}


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(3))
def test_after_any_mixture_everything_is_proven(seed: int) -> None:
    """What is refused has changed nothing, and enough is done that something is proven; an act says whether it found something to do."""
    dice = random.Random(seed)
    source, target = here.open_house("USD", "BTC")["USD"], here.open_client_money(asset="USD")
    firm = world.firm("acme")
    on_file(firm=firm)
    olga, oscar, fay = staff("olga", "operations"), staff("oscar", "operations"), staff("fay", "finance")

    def decide(asked: Any) -> None:
        for who in (oscar, fay):
            if asked.status == "REQUESTED":
                try:
                    asked = decide_approval(approval_id=asked.id, actor=who, approve=dice.random() < 0.85)
                except AppError:
                    continue

    def awaited() -> Any:
        return settlement.list_instructions(SYSTEM).filter(status__in=["EXPECTED", "PART_RECEIVED"])

    def adjust() -> bool:
        kind, way = dice.choice([("REBATE", "PAY"), ("CHARGE", "RECEIVE"), ("COMPENSATION", "PAY"), ("COMMISSION", "PAY")])
        decide(ask_adjustment(actor=olga, account_code="acme-main", wanted=wanted(kind, way, str(dice.randint(1, 900))))[1])
        return True

    def reverse() -> bool:
        one = Adjustment.objects.filter(status="BOOKED").first()
        if one is not None:
            decide(ask_reversal(actor=olga, adjustment_id=one.id, reason="wrong"))
        return one is not None

    def write_off() -> bool:
        one = awaited().filter(asset_id="USD").first()
        if one is not None:
            given = Wanted("WRITE_OFF", "PAY", "USD", D(1), clock.desk_now().date(), "a trifle", writes_off=one.end_to_end_id)
            decide(ask_adjustment(actor=olga, account_code="acme-main", wanted=given)[1])
        return one is not None

    def pay() -> bool:
        one = awaited().first()
        if one is not None:
            part = (one.amount - one.settled_amount) if dice.random() < 0.7 else D("0.5")
            address = world.INSTRUCTIONS["acme"][0 if one.asset_id == "USD" else 2].address
            here.pay_in(one.asset_id, part, name="Acme Capital", address=address, remittance=one.end_to_end_id)
        return one is not None

    def release() -> bool:
        waiting = here.ready()[:1]
        return bool(waiting) and here.release(waiting[0].id) == "EXECUTED"

    def redate() -> bool:
        today = clock.desk_now().date()
        late = list(Obligation.objects.filter(status="NETTED", trade__isnull=False, value_date__lte=today).order_by("id"))
        if late:
            one, days = dice.choice(late), [today + timedelta(days=n) for n in range(1, 6)]
            day = dice.choice([day for day in days if day.weekday() < 5])
            given = {"value_date": day, "late": one.direction, "rate": D("0.05"), "note": "", "consent": "mail"}
            decide(ask_redate(actor=olga, trade_id=one.trade_id, **given))
        return bool(late)

    def move() -> bool:
        decide(ask_house_transfer(actor=olga, source_id=source.id, target_id=target.id, amount=D(10), reason="cover")[1])
        return True

    def deal() -> bool:
        here.deal(firm, dice.choice([Side.BUY, Side.SELL]), str(dice.randint(1, 3)))
        return True

    acts = [adjust, adjust, reverse, write_off, pay, pay, release, release, redate, move, deal, deal]
    lines, passed, refused = books.count(), Counter[str](), Counter[str]()
    for _ in range(40):
        act = dice.choice(acts)
        try:
            done = act()
        except AppError as no:
            refused[f"{act.__name__} {type(no).__name__}: {no.detail}"] += 1
        else:
            passed[act.__name__] += done
        if dice.random() < 0.5:
            here.at(clock.desk_now(), hours=dice.randint(1, 9))
            jobs.run_all()
    booked = {line.split()[0] for line in books.posted(lines)}
    assert passed.total() >= 15 and len(+passed) >= 5, (passed, refused)
    assert booked >= {"DEAL", "ADJUSTMENT", "RECEIPT_FINAL", "RECEIPT_APPLIED"}, (passed, refused)
    books.proven()
