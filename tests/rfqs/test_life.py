"""Everything that can happen to requests, quotes and a credit line, in any order, compared with the oracle after every step."""

import itertools
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from apps.core import clock, db
from apps.core.actor import Actor
from apps.core.errors import AppError
from apps.credit.models import Line, LineDay
from apps.instruments import queries as instruments
from apps.instruments.models import Book
from apps.jobs import rfqs as jobs
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.workflows.accept_quote import accept_quote
from apps.workflows.counter_quote import counter_quote
from apps.workflows.end_quote import cancel_rfq, decline_quote
from apps.workflows.fill_or_kill import fill_or_kill
from apps.workflows.halt import lift_halt, throw_halt
from apps.workflows.quote_by_hand import quote_by_hand
from apps.workflows.request_quote import request_quote
from apps.workflows.stream_quotes import stream_quote
from apps.workflows.withdraw_quote import withdraw_quote
from apps.workflows.work_rfq import hold_rfq, pick_up, reject_rfq, release_rfq, resume_rfq, take_over
from tests import lines, world
from tests.people import staff

from . import oracle

D = Decimal
LINES = {oracle.PRE: D(26_000), oracle.DAY: D(250_000)}  # the add-on is a tenth: the second binds first, until one is cut
AUTO_MAX_USD = D(70_000)
SIZES = (
    "0.5",
    "1",
    "3",
    "6",
)  # at about 20,000: two that go out by themselves, one that goes too where the line has room, one for the desk
TTL_MS = (1_000, 10_000, 30_000)
LIVES_MS = (3_000, 20_000, 60_000)
STEPS_MS = (1, 400, 900, 2_000, 8_000, 15_000, 40_000)
picks = st.integers(0, 10**6)
sides = st.sampled_from(["buy", "sell"])
names = itertools.count()


class Life(RuleBasedStateMachine):
    """One client on credit, two traders, and a desk clock that only moves forward, also from one example to the next."""

    now: datetime = world.NOON
    tara: Actor
    tom: Actor

    @initialize()
    def client(self) -> None:
        code = f"firm{next(names)}"
        Book.objects.create(code=code, entity=instruments.get_entity("flowdesk"))  # so that no example skews another's prices
        self.firm = world.firm(code, line=LINES[oracle.DAY], book=code, auto_max_usd=AUTO_MAX_USD)
        self.desk = oracle.Desk({name: oracle.Line(LINES[oracle.DAY]) for name in LINES})
        self.set_line(oracle.PRE, "1")
        self.numbers = itertools.count()
        self.halt: Any = None
        self.mid = D(20_000)

    # --- helpers ----------------------------------------------------------------------------------------------------
    def did(self, call: Callable[[], Any]) -> tuple[str, Any]:
        try:
            return "ok", call()
        except AppError as no:
            return no.code, None

    def rfq(self, pick: int) -> oracle.Rfq:
        """Mostly one that is open."""
        found = [rfq for rfq in self.desk.rfqs if rfq.status in {*oracle.WAITING, "QUOTED"}] if pick % 5 else []
        return (found or self.desk.rfqs)[-1 - pick % len(found or self.desk.rfqs)]

    def quote(self, pick: int) -> tuple[oracle.Rfq, oracle.Quote]:
        """Mostly one that could be hit."""
        every = [(rfq, quote) for rfq in self.desk.rfqs for quote in rfq.quotes]
        found = [one for one in every if one[1].may_be_hit(self.now)] if pick % 5 else []
        return (found or every)[-1 - pick % len(found or every)]

    def person(self, second: bool) -> tuple[str, Actor]:
        return ("tom", self.tom) if second else ("tara", self.tara)

    @property
    def book(self) -> Any:
        return world.depth(at=self.now, mid=str(self.mid))

    def made(self, row: Quote) -> oracle.Quote:
        """The oracle's copy of a quote that came out: its price is the engine's, what it takes of the line is worked out here."""
        prices = {side: price for side in ("buy", "sell") if (price := getattr(row, f"{side}_price")) is not None}
        amounts = [getattr(row, f"{side}_quote_quantity") for side in prices]
        assert row.expires_at > row.created_at == self.now
        return oracle.Quote(row.id, prices, max(amounts), row.created_at, row.expires_at)

    def refused(self, size: Decimal) -> oracle.Quote:
        """What was refused cannot be read off a row: it is taken at the most that our price may be away from the mid."""
        return oracle.Quote(None, {}, size * self.mid * D("1.003"), self.now, self.now)

    def day(self) -> date:
        """The value date of a request that is asked now."""
        return self.desk.rfqs[-1].day if self.desk.rfqs else self.now.date()

    # --- the client -------------------------------------------------------------------------------------------------
    @rule(
        size=st.sampled_from(SIZES),
        side=st.sampled_from(list(Side)),
        ttl=st.sampled_from(TTL_MS),
        life=st.sampled_from(LIVES_MS),
        stream=st.booleans(),
    )
    def ask(self, size: str, side: Side, ttl: int, life: int, stream: bool) -> None:
        ask = Ask(f"r{next(self.numbers)}", "BTC-USD", side, D(size), None, "", ttl, life, stream=stream)
        code, out = self.did(
            lambda: request_quote(
                actor=self.firm.trader, account_id=None, ask=ask, depth=self.book, usd_per_quote=D(1), elapsed_us=lambda: 1
            )
        )
        if self.desk.halted:
            assert code == "trading_halted"
            return
        row, quote = (out[0], out[1]) if out is not None else (None, None)
        waits = D(size) * self.mid > AUTO_MAX_USD
        new = oracle.Rfq(None, side, D(size), self.now + timedelta(milliseconds=life), row.value_date if row else self.day(), "RECEIVED")
        new.stream, new.mid = stream, self.mid
        if waits:
            assert (code, quote) == ("ok", None)
            assert "CLIENT_SIZE" in row.reasons
        else:
            made = self.made(quote) if quote is not None else self.refused(D(size))
            said = self.desk.take(new, made.notional, lower=False)
            if said == "credit_breached" and self.desk.reduces(new):
                assert (code, quote, row.reasons) == ("ok", None, ["RISK_REDUCING"]), "heard, and priced by a person"
            else:
                assert code == said
                if code != "ok":
                    return
                new.status, new.quotes = "QUOTED", [made]
        new.key = row.id
        self.desk.rfqs.append(new)

    @precondition(lambda self: any(rfq.quotes for rfq in self.desk.rfqs))
    @rule(pick=picks, side=sides, wrong=st.integers(0, 9))
    def accept(self, pick: int, side: str, wrong: int) -> None:
        rfq, quote = self.quote(pick)
        price = quote.prices.get(side, D(1)) + (D("0.01") if wrong == 0 else 0)
        code, out = self.did(
            lambda: accept_quote(
                actor=self.firm.trader, quote_id=quote.key, client_order_id=f"o{next(self.numbers)}", side=Side(side), price=price
            )
        )
        assert code == self.desk.accept(rfq, quote, side, price, self.now)
        if code == "ok":
            _, version, _ = out
            assert (version.side, version.price, version.quantity) == (side, price, rfq.size), "exactly the price and size shown"

    @rule(size=st.sampled_from(SIZES[:3]), side=sides, near=st.booleans())
    def order(self, size: str, side: str, near: bool) -> None:
        """Fill or kill: dealt in one step, or nothing at all has happened."""
        better = 1 if side == "buy" else -1
        limit = self.mid + better * (D(500) if near else D(-500))
        code, out = self.did(
            lambda: fill_or_kill(
                actor=self.firm.trader,
                account_id=None,
                client_order_id=f"o{next(self.numbers)}",
                pair="BTC-USD",
                side=Side(side),
                quantity=D(size),
                limit_price=limit,
                depth=self.book,
                usd_per_quote=D(1),
                elapsed_us=lambda: 1,
            )
        )
        if self.desk.halted or not near:
            assert code == ("trading_halted" if self.desk.halted else "price_not_met")
            return
        new = oracle.Rfq(None, side, D(size), self.now, self.day(), "QUOTED")
        if out is not None:
            trade, version, _ = out
            new.day = version.value_date
            made = oracle.Quote(trade.quote_id, {side: version.price}, version.quote_quantity, self.now, self.now + timedelta(seconds=1))
            assert (version.price - limit) * better <= 0, "at the limit or better"
        else:
            made = self.refused(D(size))
        assert code == self.desk.take(new, made.notional, lower=False)
        if out is not None:
            new.key, new.quotes = out[0].rfq_id, [made]
            self.desk.rfqs.append(new)
            assert self.desk.accept(new, made, side, made.prices[side], self.now) == "ok"

    @rule(by=st.sampled_from([0, 0, 10, -10, 40, -40]))
    def tick(self, by: int) -> None:
        """The market moves, or not, and the streams are looked at."""
        self.mid += by
        for rfq in self.desk.rfqs:
            if not rfq.stream:
                continue
            due = self.desk.streams(rfq, self.mid, self.now)
            code, row = self.did(lambda rfq=rfq: stream_quote(rfq_id=rfq.key, depth=self.book, usd_per_quote=D(1)))
            skewed = self.desk.streams(rfq, D(0), self.now) and any(one.dealt for one in self.desk.rfqs)  # our inventory moves prices too
            if not due and not (skewed and (code, row) != ("ok", None)):
                assert (code, row) == ("ok", None)
                continue
            made = self.made(row) if row is not None else self.refused(rfq.size)
            assert code == self.desk.next_price(rfq, made, self.mid, self.now)

    @precondition(lambda self: any(rfq.quotes for rfq in self.desk.rfqs))
    @rule(pick=picks)
    def decline(self, pick: int) -> None:
        rfq, quote = self.quote(pick)
        code, _ = self.did(lambda: decline_quote(actor=self.firm.trader, quote_id=quote.key))
        assert code == self.desk.decline(rfq, quote, self.now)

    @precondition(lambda self: any(rfq.quotes for rfq in self.desk.rfqs))
    @rule(pick=picks, side=sides, better=st.booleans())
    def counter(self, pick: int, side: str, better: bool) -> None:
        rfq, quote = self.quote(pick)
        limit = quote.prices.get(side, self.mid) + (D(-5) if (side == "buy") is better else D(5))
        code, _ = self.did(lambda: counter_quote(actor=self.firm.trader, quote_id=quote.key, side=Side(side), price=limit))
        assert code == self.desk.counter(rfq, quote, side, limit, self.now)

    @precondition(lambda self: self.desk.rfqs)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        rfq = self.rfq(pick)
        code, _ = self.did(lambda: cancel_rfq(actor=self.firm.trader, rfq_id=rfq.key))
        assert code == self.desk.cancel(rfq, self.now)

    # --- the desk ---------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.desk.rfqs)
    @rule(
        pick=picks,
        second=st.booleans(),
        what=st.sampled_from(["pick_up", "pick_up", "pick_up", "hold", "resume", "release", "take_over", "reject"]),
    )
    def work(self, pick: int, second: bool, what: str) -> None:
        rfq, (name, actor) = self.rfq(pick), self.person(second)
        real: dict[str, Callable[[], Any]] = {
            "pick_up": lambda: pick_up(actor=actor, rfq_id=rfq.key),
            "hold": lambda: hold_rfq(actor=actor, rfq_id=rfq.key),
            "resume": lambda: resume_rfq(actor=actor, rfq_id=rfq.key),
            "release": lambda: release_rfq(actor=actor, rfq_id=rfq.key),
            "take_over": lambda: take_over(actor=actor, rfq_id=rfq.key, reason="lunch"),
            "reject": lambda: reject_rfq(actor=actor, rfq_id=rfq.key, code="pass"),
        }
        model: dict[str, Callable[[], str]] = {
            "pick_up": lambda: self.desk.pick_up(rfq, name, self.now),
            "hold": lambda: self.desk.move(rfq, name, "PICKED_UP", "ON_HOLD"),
            "resume": lambda: self.desk.move(rfq, name, "ON_HOLD", "PICKED_UP"),
            "release": lambda: self.desk.move(rfq, name, "PICKED_UP", "RECEIVED"),
            "take_over": lambda: self.desk.take_over(rfq, name),
            "reject": lambda: self.desk.reject(rfq, name, self.now),
        }
        assert (what, self.did(real[what])[0]) == (what, model[what]())

    @precondition(lambda self: self.desk.rfqs)
    @rule(pick=picks, second=st.booleans(), off=st.integers(0, 40), ttl=st.sampled_from([2_000, 30_000]))
    def price(self, pick: int, second: bool, off: int, ttl: int) -> None:
        rfq, (name, actor) = self.rfq(pick), self.person(second)
        asked = ("buy", "sell") if rfq.side == "two_way" else (rfq.side,)
        prices = {Side(side): self.mid + (off if side == "buy" else -off) for side in asked}
        code, row = self.did(
            lambda: quote_by_hand(actor=actor, rfq_id=rfq.key, prices=prices, ttl_ms=ttl, depth=self.book, usd_per_quote=D(1), sure=True)
        )
        if code == "trading_halted":
            assert self.desk.halted
            return
        if row is not None:
            made = self.made(row)
            assert made.prices == {str(side): price for side, price in prices.items()}
        else:  # what it would have been; the fee of these terms lies inside the price
            worth = rfq.size * max(prices.values())
            made = oracle.Quote(None, {}, worth, self.now, self.now)
        assert code == self.desk.hand_quote(rfq, name, made, self.now)

    @precondition(lambda self: any(rfq.quotes for rfq in self.desk.rfqs))
    @rule(pick=picks, second=st.booleans())
    def withdraw(self, pick: int, second: bool) -> None:
        rfq, (name, actor) = self.quote(pick)[0], self.person(second)
        code, _ = self.did(lambda: withdraw_quote(actor=actor, quote_id=rfq.last.key))
        assert code == self.desk.withdraw(rfq, name, self.now)

    @rule(sure=st.integers(0, 4))
    def switch(self, sure: int) -> None:
        if self.halt is None and sure:
            return
        type(self).now += timedelta(milliseconds=1)  # a clock that stands still would make a quote of now as old as the switch
        clock.freeze_desk(self.now)
        if self.halt is None:
            self.halt = throw_halt(actor=self.tara, reason="drill", client_id=self.firm.client_id)
            self.desk.stopped_at = self.now
        else:
            lift_halt(actor=self.tom, halt_id=self.halt.id)
            self.halt = None
        self.desk.halted = self.halt is not None

    @rule(name=st.sampled_from(list(LINES)), share=st.sampled_from(["0.2", "0.6", "1"]))
    def set_line(self, name: str, share: str) -> None:
        amount = LINES[name] * D(share)
        lines.change(Line.objects.get(subject_id=self.firm.client_id, measure=name), amount=amount)
        self.desk.set_line(name, amount)

    # --- time -------------------------------------------------------------------------------------------------------
    @rule(ms=st.sampled_from(STEPS_MS))
    def wait(self, ms: int) -> None:
        type(self).now += timedelta(milliseconds=ms)
        clock.freeze_desk(self.now)

    @precondition(lambda self: not self.desk.halted)
    @rule()
    def sweep(self) -> None:
        jobs.sweep_quotes()
        jobs.sweep_rfqs()
        self.desk.sweep(self.now)

    # --- after each step --------------------------------------------------------------------------------------------
    @invariant()
    def rows_say_the_same(self) -> None:
        if not hasattr(self, "desk"):
            return
        rows = {row.id: row for row in Rfq.objects.filter(client_id=self.firm.client_id)}
        assert set(rows) == {rfq.key for rfq in self.desk.rfqs}
        owners = {None: None, "tara": self.tara.id, "tom": self.tom.id}
        for rfq in self.desk.rfqs:
            row = rows[rfq.key]
            assert row.status == rfq.status
            if rfq.status in oracle.WAITING:
                assert row.owner_id == owners[rfq.owner]
        quotes = dict(Quote.objects.filter(rfq__client_id=self.firm.client_id).values_list("id", "status"))
        assert quotes == {quote.key: quote.status for rfq in self.desk.rfqs for quote in rfq.quotes}

    @invariant()
    def line_holds_what_was_promised(self) -> None:
        if not hasattr(self, "desk"):
            return
        for name in LINES:
            line = Line.objects.get(subject_id=self.firm.client_id, measure=name)
            days = LineDay.objects.filter(line=line).values_list("day", "reserved", "used")
            stands = {day: (reserved, used) for day, reserved, used in days} if name == oracle.DAY else {None: (line.reserved, line.used)}
            for day, taken in stands.items():
                assert (name, taken) == (name, (self.desk.reserved(name, day), self.desk.dealt(name, day)))
        for rfq in self.desk.rfqs:
            for quote in rfq.quotes:
                if rfq.status == "QUOTED" and quote.may_be_hit(self.now) and not rfq.takes_off:
                    needs = oracle.wanted(quote.notional)
                    assert all(rfq.holds[name] >= amount for name, amount in needs.items()), "a quote that can be hit has its credit"

    @invariant()
    def one_trade_a_filled_request(self) -> None:
        if not hasattr(self, "desk"):
            return
        filled = {rfq.key for rfq in self.desk.rfqs if rfq.status == "FILLED"}
        rows = db.run("SELECT rfq_id FROM trades_trade WHERE account_id = %s", (self.firm.account.id,))
        assert len(rows) == len(filled)
        assert {row[0] for row in rows} == filled


@pytest.mark.timeout(3600)
@pytest.mark.django_db(transaction=True)
def test_any_order_of_events_does_what_the_oracle_says() -> None:
    clock.freeze_desk(world.NOON)
    Life.now = world.NOON
    Life.tara, Life.tom = staff("tara", "trader"), staff("tom", "trader")
    # An example costs some tenths of a second, so one that fails is not made smaller. The short set is the same each time.
    found = [Phase.explicit, Phase.reuse, Phase.generate]
    short = settings().max_examples <= 200
    examples = 100 if short else settings().max_examples
    size = settings(phases=found, max_examples=examples, stateful_step_count=20, derandomize=short, database=None)
    run_state_machine_as_test(Life, settings=size)
