"""Everything that can happen to deals until their last cent, in any order, compared with the oracle after every step.

Rails time out, lose, refuse, split, delay and give back; clients pay in parts, too much and take it back; deals are corrected, cancelled
and disputed at every stage; sets are agreed, disputed and made anew. Then everything is brought to an end, and all of it is proven.
"""

import itertools
import json
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from apps.clients import operations as clients
from apps.clients.states import ClientStatus
from apps.core import db
from apps.core.actor import SYSTEM, Actor
from apps.core.errors import AppError, IllegalMove
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.jobs import settlement as jobs
from apps.ledger import queries as ledger
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import Blocked
from apps.settlement.rails import outside
from apps.workflows.confirm_deal import dispute_trade, withdraw_dispute
from apps.workflows.decide_approval import decide_approval
from apps.workflows.onboard_client import Instruction
from apps.workflows.request_release import recall_release, request_release
from apps.workflows.settle_net_set import agree_net_set, dispute_net_set, request_abort
from apps.workflows.transfer_balance import approve_withdrawal, cancel_withdrawal, request_withdrawal
from tests import deals, world

from . import oracle
from . import world as here
from .splitting import set_limit
from .walking import SOFT, Walk, picks, run, run_many

outcomes = st.sampled_from(["OK", "OK", "SLOW", "SPLIT", "RETURN", "CHARGE", "REJECT", "TIMEOUT", "TIMEOUT_LOST"])
REACHED = {  # each in three of eight runs of ten examples, or more: in thirty surely. Withdrawals settle in one of eight
    "sets SETTLED", "sets ABORTED", "orders SETTLED", "orders RECEIVED", "orders RETURNED", "orders FAILED", "orders CANCELLED",
    "orders SPLIT", "parts SETTLED", "parts RETURNED",
    "receipts MATCHED", "receipts REVERTED", "receipts DROPPED", "blocked CLIENT_SUSPENDED", "blocked NOT_AGREED", "blocked TRADE_DISPUTED",
}  # fmt: skip
ROLES = ("operations", "risk", "compliance")


@use_case
def set_status(*, account: Any, statuses: tuple[ClientStatus, ...], now: datetime) -> None:
    account.refresh_from_db()
    for status in statuses:
        clients.set_status(thing=account, status=status, reason="tried")


class Life(Walk):
    """One client on credit, whose deals are netted. `seen`: also why a payment was kept back."""

    @initialize()
    def client(self) -> None:
        self.open_house()
        set_limit("fedwire-usd", largest=str(oracle.LARGEST["USD"]), most=oracle.MOST)
        self.people = {name: deals.person(f"p-{name}", name) for name in ROLES} | {"second": deals.person("p-second", "operations")}
        self.addresses = {"USD": "021000021-9001", "BTC": "bc1qfirm"}
        rails = (("fedwire-usd", "USD", "CHASUS33"), ("bitcoin-btc", "BTC", ""))
        to = [Instruction(rail, asset, self.addresses[asset], bic) for rail, asset, bic in rails]
        self.firm = world.firm("firm", instructions=to, members=here.THREE_PEOPLE)
        self.house = oracle.House()
        self.before = self.balances()
        self.numbers = itertools.count()
        self.deal(Side.BUY, "2")
        self.deal(Side.SELL, "0.5")
        self.get_to_the_cutoff(agree=True)

    # --- helpers ----------------------------------------------------------------------------------------------------
    def balances(self) -> Counter[tuple[str, str]]:
        return Counter({tuple(name.split()): amount for name, amount in here.balances().items()})  # type: ignore[misc]

    def instructions(self) -> list[Any]:
        return list(settlement.list_instructions(SYSTEM).filter(account=self.firm.account).order_by("id"))

    def row(self, order: oracle.Order) -> Any:
        """Of an order, by what it is for: the n-th attempt."""
        same = [o for o in self.house.orders if o.of is order.of and o.part == order.part]
        key = {"net_leg_id": self.leg_ids()[id(order.of)]} if isinstance(order.of, oracle.Leg) else {"withdrawal_id": order.of.key}
        return settlement.list_instructions(SYSTEM).get(attempt=same.index(order) + 1, part=order.part, **key)

    def leg_ids(self) -> dict[int, Any]:
        out = {}
        for one, row in zip(self.house.sets, self.set_rows(), strict=True):
            legs = {leg.asset_id: leg.id for leg in settlement.net_set_legs([row.id])[row.id]}
            out |= {id(leg): legs[leg.asset] for leg in one.legs}
        return out

    def set_rows(self) -> list[Any]:
        return list(settlement.list_net_sets(SYSTEM).filter(account=self.firm.account).order_by("id"))

    def orders(self, *statuses: str) -> list[oracle.Order]:
        return [o for o in self.house.orders if o.status in statuses]

    # --- deals ------------------------------------------------------------------------------------------------------
    @rule(side=st.sampled_from([Side.BUY, Side.SELL]), size=st.sampled_from(["0.5", "1", "2"]))
    def deal(self, side: Side, size: str) -> None:
        try:
            trade = here.deal(self.firm, side, size)
        except AppError:
            assert self.house.suspended
            return
        assert not self.house.suspended
        (price, day) = db.one("SELECT price, value_date FROM trades_tradeversion WHERE trade_id = %s", (trade.id,))
        self.house.deal(oracle.Deal(trade, side.value, D(size), price), day, self.now)

    @precondition(lambda self: any(not d.cancelled for d in self.house.deals))
    @rule(pick=picks, price=st.integers(-5, 5), more=st.sampled_from(["0", "0", "0.5"]), cancel=st.integers(0, 3), back=st.booleans())
    def amend(self, pick: int, price: int, more: str, cancel: int, back: bool) -> None:
        """A correction or a cancellation; back-dated to the deal, or from now on."""
        one = self.pick([d for d in self.house.deals if not d.cancelled], pick)
        trade = one.key
        if not cancel:
            one.cancelled = True
            deals.change(trade, cancel=True)
        elif price or D(more):
            one.price, one.quantity = one.price + price, one.quantity + D(more)
            words = {} if back else {"effective_at": self.now}
            deals.change(trade, price=str(one.price), quantity=str(one.quantity), words=words)
        else:
            return
        made = [o for o in settlement.list_obligations_of([trade.id]) if o.version.number == one.version + 1]
        days = {o.asset_id: o.value_date for o in made}
        assert all(day >= self.now.date() for day in days.values())
        self.house.restate(one, days.get, self.now)

    @precondition(lambda self: any(not d.cancelled for d in self.house.deals))
    @rule(pick=picks)
    def dispute_a_deal(self, pick: int) -> None:
        one = self.pick([d for d in self.house.deals if not d.cancelled], pick)
        if one.disputed:
            self.withdraw_dispute(one)
        else:
            dispute_trade(actor=self.firm.trader, trade_id=one.key.id, version=one.version, reason="PRICE")
            one.disputed = True

    def withdraw_dispute(self, one: oracle.Deal) -> None:
        withdraw_dispute(actor=self.firm.trader, trade_id=one.key.id, reason="found")
        one.disputed = False

    # --- net sets ---------------------------------------------------------------------------------------------------
    @rule()
    def freeze(self) -> None:
        jobs.freeze_due()
        self.house.freeze(self.now)

    @precondition(lambda self: any(o.status == "OPEN" for o in self.house.owed))
    @rule(agree=st.booleans())
    def get_to_the_cutoff(self, agree: bool) -> None:
        self.to_cutoff()
        self.freeze()
        self.instruct()
        if agree and self.house.sets:
            self.say(0, "agree")

    @precondition(lambda self: self.house.sets)
    @rule(pick=picks, what=st.sampled_from(["agree", "agree", "dispute", "abort"]))
    def say(self, pick: int, what: str) -> None:
        """The client agrees or disputes a set; operations make it anew."""
        one = self.pick(self.house.sets, pick)
        row = self.set_rows()[self.house.sets.index(one)]
        if what == "abort":
            asked = request_abort(net_set_id=row.id, actor=self.people["operations"], reason="tried")
            done = decide_approval(approval_id=asked.id, actor=self.people["second"], approve=True)
            assert (done.status == "EXECUTED") == self.house.abort(one), done.comment
            return
        may = {"agree": {"FROZEN", "DISPUTED"}, "dispute": {"FROZEN", "DISPUTED"}}[what]
        try:
            if what == "agree":
                agree_net_set(net_set_id=row.id, actor=self.firm.treasury)
            else:
                lines = {line.id: "not so" for line, _ in settlement.net_set_lines(row.id)}
                dispute_net_set(net_set_id=row.id, actor=self.firm.treasury, lines=lines)
        except AppError:
            assert one.status not in may
            return
        assert one.status in may
        one.status = "AGREED" if what == "agree" else "DISPUTED"

    # --- our payments -----------------------------------------------------------------------------------------------
    @rule()
    def instruct(self) -> None:
        jobs.instruct_sets()
        jobs.instruct_due()
        jobs.review_queue()
        today = {i.withdrawal_id: i.due_date for i in self.instructions() if i.withdrawal_id}
        self.house.instruct(next(reversed(today.values()), date.min))

    @precondition(lambda self: self.orders("WAITING"))
    @rule(pick=picks, override=st.booleans())
    def release(self, pick: int, override: bool) -> None:
        """With every blocker overridden that may be, signed by all who answer for them; or without, and then nothing speaks against it."""
        order = self.pick(self.orders("WAITING"), pick)
        try:
            asked = request_release(actor=self.people["second"], instruction_ids=[self.row(order).id], overrides=SOFT if override else {})
        except Blocked as no:
            assert not override
            (told,) = no.extra["blockers"].values()
            self.the_gate_said_why(order, set(told))
            return
        for name in ROLES if override else ROLES[:1]:
            done = decide_approval(approval_id=asked.id, actor=self.people[name], approve=True)
        assert done.status == "EXECUTED", done.comment
        assert override or not self.house.must_wait(order)
        self.house.release(order, override)

    def the_gate_said_why(self, order: oracle.Order, told: set[str]) -> None:
        """Of a payment that may not leave: of what the oracle knows, the gate named that and no more."""
        assert told and told & oracle.KNOWN == self.house.blockers(order)
        self.seen.update(f"blocked {code}" for code in told & oracle.KNOWN)

    @precondition(lambda self: self.orders("RELEASED", "SPLIT"))
    @rule(pick=picks)
    def recall(self, pick: int) -> None:
        """A payment, a part of one, or the whole of which parts have left already."""
        order = self.pick(self.orders("RELEASED", "SPLIT"), pick)
        try:
            recall_release(actor=self.people["operations"], instruction_id=self.row(order).id, reason="tried")
        except IllegalMove:
            assert not self.house.recall(order)
            return
        assert self.house.recall(order)

    @precondition(lambda self: self.orders("RELEASED"))
    @rule(outcome=outcomes)
    def send(self, outcome: str) -> None:
        released = [(order, self.row(order).id) for order in self.orders("RELEASED")]
        for asset in ("USD", "BTC"):
            outside.change(here.place(asset), lambda doc: doc.update(scripts=[]))
            for _ in released:
                outside.script(here.place(asset), outcome)
        jobs.send_released()
        for order, key in released:
            left = settlement.get_instruction(key, actor=SYSTEM).status != "BLOCKED"
            assert left or not order.released_whole
            if not left:
                (kept,) = db.one("SELECT blockers FROM settlement_gatedecision WHERE instruction_id = %s ORDER BY id DESC LIMIT 1", (key,))
                self.the_gate_said_why(order, {one["code"] for one in json.loads(kept)})
            assert not left or order.released_whole or not self.house.must_wait(order)
            if left:
                self.house.send(order, outcome, self.now)
            else:
                order.status = "WAITING"

    @precondition(lambda self: self.orders("WAITING", "RELEASED"))
    @rule(outcome=outcomes, wait=st.sampled_from([0, 1, 24]))
    def pay(self, outcome: str, wait: int) -> None:
        """All that waits is released and sent, and the statement is read some time later."""
        while waiting := self.orders("WAITING"):
            self.release(len(waiting) - 1, override=True)
        self.send(outcome)
        self.wait_and_read(wait)

    @precondition(lambda self: self.orders("UNKNOWN"))
    @rule()
    def ask_what_became_of_it(self) -> None:
        """The rail answers by the payment's own key; nothing is sent again."""
        orders = [(order, self.row(order)) for order in self.orders("UNKNOWN")]
        jobs.resolve_unknown()
        for order, row in orders:
            paid = outside.change(here.place(order.asset), lambda doc, key=row.end_to_end_id: doc["payments"][key]["outcome"] == "ACCEPTED")
            if paid:
                self.house.sent(order)
            else:
                self.house.fail(order)

    @precondition(lambda self: self.orders("SETTLED"))
    @rule(pick=picks)
    def give_back(self, pick: int) -> None:
        """The client's bank sends a payment back, long after it was booked."""
        order = self.pick(self.orders("SETTLED"), pick)
        row = self.row(order)
        doc = outside.change(here.place(order.asset), lambda doc: doc)
        if any(line["kind"] == "RETURN" and line.get("end_to_end_id") == row.end_to_end_id for line in doc["pending"]):
            return
        outside.give_back(here.place(order.asset), row.end_to_end_id, reason="AC04", at=self.now)
        self.house.line(order.asset, self.now, lambda _: self.house.give_back(order))

    # --- money in ---------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.orders(*oracle.WAITS) or len(self.house.receipts) < 2)
    @rule(asset=st.sampled_from(["USD", "BTC"]), pick=picks, named=st.booleans(), share=st.sampled_from([D(1), D(1), D("0.5"), D("1.25")]))
    def pay_in(self, asset: str, pick: int, named: bool, share: D) -> None:
        """What is expected: whole, in part, too much; with its reference or without. Where nothing is expected, it waits for an owner."""
        waiting = [o for o in self.house.orders if o.asset == asset and o.status in oracle.WAITS]
        order = self.pick(waiting, pick) if waiting else None
        amount = ((order.amount - order.settled if order else D(1)) * share).quantize(oracle.CENT)
        reference = here.pay_in(
            asset, amount, name=f"{self.firm.account.code.split('-')[0].title()} Capital", address=self.addresses[asset],
            remittance=self.row(order).end_to_end_id if order and named else "",
        )  # fmt: skip
        final = self.now + (oracle.DELAY["BTC"] if asset == "BTC" else timedelta(0))
        self.house.pay_in(oracle.Receipt(reference, asset, amount, order if named else None, final))

    @precondition(lambda self: self.orders(*oracle.WAITS))
    @rule(pick=picks, named=st.booleans(), share=st.sampled_from([D(1), D(1), D("0.5"), D("1.25")]))
    def be_paid(self, pick: int, named: bool, share: D) -> None:
        """As pay_in, until it is matched."""
        waiting = self.orders(*oracle.WAITS)
        order = self.pick(waiting, pick)
        same = [o for o in waiting if o.asset == order.asset]
        self.pay_in(order.asset, len(same) - 1 - same.index(order), named, share)
        self.wait_and_read(1)

    def wait_and_read(self, hours: int) -> None:
        if hours:
            self.later(hours)
        self.poll()
        self.match()

    @precondition(lambda self: any(not r.gone for r in self.house.receipts))
    @rule(pick=picks)
    def take_back(self, pick: int) -> None:
        """The chain is reorganised, the bank recalls."""
        one = self.pick([r for r in self.house.receipts if not r.gone], pick)
        outside.reorganise(here.place(one.asset), one.reference, at=self.now)
        self.house.take_back(one, self.now)

    @rule()
    def poll(self) -> None:
        jobs.poll_rails()
        self.house.poll(self.now)

    @rule()
    def match(self) -> None:
        jobs.match_receipts()
        self.house.match()

    # --- the client's balance ---------------------------------------------------------------------------------------
    @rule(asset=st.sampled_from(["USD", "BTC"]), share=st.sampled_from([D("0.5"), D(1), D(2)]))
    def withdraw(self, asset: str, share: D) -> None:
        """Asked for by one member, held by the word of another: never more than is free, nor than what the client owes leaves."""
        posted = -self.house.books["CLIENT_BALANCE", asset]
        amount = max((posted * share).quantize(oracle.CENT), oracle.CENT)
        due = sum((o.amount for o in self.house.owed if o.asset == asset and o.amount > 0 and o.status in {"OPEN", "NETTED"}), D(0))
        fits = amount <= posted - self.house.held[asset] and (not due or amount <= posted - due) and not self.house.suspended
        try:
            asked = request_withdrawal(
                actor=self.firm.treasury, account_id=self.firm.account.id, asset=asset, amount=amount,
                client_reference=f"w{next(self.numbers)}",
            )  # fmt: skip
            approve_withdrawal(actor=self.controller, withdrawal_id=asked.id)
        except AppError:
            assert not fits
            return
        assert fits
        self.house.withdrawals.append(oracle.Withdrawal(asked.id, asset, amount))
        self.house.held[asset] += amount

    @property
    def controller(self) -> Actor:
        return world.actor_of(self.firm.account, "Controller")

    @precondition(lambda self: any(w.status == "HELD" for w in self.house.withdrawals))
    @rule(pick=picks)
    def give_up(self, pick: int) -> None:
        one = self.pick([w for w in self.house.withdrawals if w.status == "HELD"], pick)
        cancel_withdrawal(actor=self.firm.treasury, withdrawal_id=one.key)
        one.status = "CANCELLED"
        self.house.held[one.asset] -= one.amount

    # --- time, and the client's standing ----------------------------------------------------------------------------
    @rule(hours=st.sampled_from([0.1, 1, 6, 24]))
    def later(self, hours: float) -> None:
        self.at(self.now + timedelta(hours=hours))

    @rule()
    def a_day(self) -> None:
        self.to_cutoff()
        self.freeze()
        self.instruct()
        self.wait_and_read(24)

    @rule()
    def to_cutoff(self) -> None:
        moment = datetime.combine(self.now.date(), oracle.CUTOFF, oracle.LONDON) + oracle.GRACE
        self.at(moment if moment > self.now else moment + timedelta(days=1))

    @rule(really=st.integers(0, 2))
    def suspend(self, really: int) -> None:
        if really and not self.house.suspended:
            return
        self.house.suspended = not self.house.suspended
        up = (ClientStatus.RESTRICTED, ClientStatus.APPROVED)
        set_status(account=self.firm.account, statuses=(ClientStatus.SUSPENDED,) if self.house.suspended else up)

    # --- what must be so --------------------------------------------------------------------------------------------
    @invariant()
    def all_stands_as_the_oracle_says(self) -> None:
        if not hasattr(self, "house"):
            return
        account = (self.firm.account.id,)
        rows = db.run(
            """SELECT o.trade_id, v.number, o.asset_id, CASE o.direction WHEN 'RECEIVE' THEN o.amount ELSE -o.amount END, o.value_date,
                 o.status FROM settlement_obligation o JOIN trades_tradeversion v ON v.id = o.version_id WHERE o.account_id = %s""",
            account,
        )
        owed = Counter((o.deal.key.id, o.version, o.asset, o.amount, o.value_date, o.status) for o in self.house.owed)  # type: ignore[attr-defined]
        assert Counter(rows) == owed
        rows = db.run("SELECT value_date, cutoff_at, status FROM settlement_netset WHERE account_id = %s ORDER BY id", account)
        assert rows == [(s.value_date, s.cutoff_at, s.status) for s in self.house.sets]
        rows = db.run(
            """SELECT l.asset_id, CASE l.direction WHEN 'RECEIVE' THEN l.amount ELSE -l.amount END, l.settled_amount, l.status
               FROM settlement_netleg l JOIN settlement_netset s ON s.id = l.net_set_id WHERE s.account_id = %s""",
            account,
        )
        shown = {"ABORTED": {"INSTRUCTED": "OPEN", "SETTLED": "OPEN"}}
        legs = [(g.asset, g.amount, g.settled, shown.get(s.status, {}).get(g.status, g.status)) for s in self.house.sets for g in s.legs]
        assert Counter(rows) == Counter(legs)
        rows = db.run(
            """SELECT asset_id, CASE direction WHEN 'RECEIVE' THEN amount ELSE -amount END, settled_amount,
                 CASE WHEN status IN ('DRAFT', 'READY', 'BLOCKED') THEN 'WAITING' ELSE status END
               FROM settlement_instruction WHERE account_id = %s""",
            account,
        )
        assert Counter(rows) == Counter((o.asset, o.amount, o.settled, o.status) for o in self.house.orders)
        mine = (list(self.addresses.values()),)
        rows = db.run("SELECT rail_reference, status FROM settlement_receipt WHERE sender_address = ANY (%s)", mine)
        assert dict(rows) == {r.reference: r.status for r in self.house.receipts if r.status not in {"NEW", "NEVER"}}
        rows = db.run("SELECT id, status FROM settlement_withdrawal WHERE account_id = %s AND status <> 'REQUESTED'", account)
        assert {w.key: w.status for w in self.house.withdrawals} == dict(rows)

    @invariant()
    def the_books_are_the_oracles(self) -> None:
        if not hasattr(self, "house"):
            return
        now = self.balances()
        moved = {name: now[name] - self.before[name] for name in now.keys() | self.before.keys() if now[name] != self.before[name]}
        assert moved == {name: amount for name, amount in self.house.books.items() if amount}
        held = dict(db.run("SELECT asset_code, held FROM ledger_ledgeraccount WHERE owner_id = %s AND held <> 0", (self.firm.account.id,)))
        assert held == {asset: amount for asset, amount in self.house.held.items() if amount}
        carried = db.run(
            "SELECT DISTINCT deal_id FROM credit_reservation WHERE account_id = %s AND status = 'COMMITTED'", (self.firm.account.id,)
        )
        assert {deal for (deal,) in carried} == {d.key.id for d in self.house.deals if d.carried}  # type: ignore[attr-defined]
        assert db.run("SELECT asset_code FROM ledger_ledgeraccount GROUP BY asset_code HAVING sum(amount) <> 0") == []
        for one in ledger.list_identity(instruments.get_entity("flowdesk").id):
            assert one.holds, one

    # --- the end ----------------------------------------------------------------------------------------------------
    def teardown(self) -> None:
        if not hasattr(self, "house"):
            return
        if self.house.suspended:
            self.suspend(0)
        for one in self.house.deals:
            if one.disputed:
                self.withdraw_dispute(one)
        for _ in range(12):
            if not any(self.house.is_open(deal) for deal in self.house.deals) and not self.house.coming:
                break
            self.wind_down()
        for one in [r for r in self.house.receipts if r.status == "CLEARED"]:  # what nobody expected goes back
            outside.reorganise(here.place(one.asset), one.reference, at=self.now)
            self.house.take_back(one, self.now)
        self.poll()
        assert not any(self.house.is_open(deal) for deal in self.house.deals)
        assert not any(deal.carried for deal in self.house.deals)
        self.all_stands_as_the_oracle_says()
        self.the_books_are_the_oracles()
        self.prove()
        self.seen.update(f"parts {one.status}" for one in self.house.orders if one.whole is not None)
        self.seen.update(
            f"{kind} {one.status}" for kind in ("sets", "orders", "receipts", "withdrawals") for one in getattr(self.house, kind)
        )

    def wind_down(self) -> None:
        """A day on which everybody does what is due."""
        self.to_cutoff()
        self.freeze()
        self.instruct()
        for one in self.house.sets:
            if one.status in {"FROZEN", "DISPUTED"}:
                self.say(len(self.house.sets) - 1 - self.house.sets.index(one), "agree")
        for order in [o for o in self.house.orders if o.status in oracle.WAITS]:
            waiting = [o for o in self.house.orders if o.asset == order.asset and o.status in oracle.WAITS]
            self.pay_in(order.asset, len(waiting) - 1 - waiting.index(order), True, D(1))
        while waiting := self.orders("WAITING"):
            self.release(len(waiting) - 1, True)
        if self.orders("RELEASED"):
            self.send("OK")
        if self.orders("UNKNOWN"):
            self.ask_what_became_of_it()
        self.later(24)
        self.poll()
        self.match()


@pytest.mark.django_db(transaction=True)
def test_any_order_of_events_does_what_the_oracle_says() -> None:
    run(Life, 2, 15, derandomize=True)


@pytest.mark.drill
@pytest.mark.timeout(3600)
@pytest.mark.django_db(transaction=True)
def test_hundreds_of_orders_of_events_do_what_the_oracle_says_and_hledger_agrees(tmp_path: Path) -> None:
    run_many(Life, 30, tmp_path, REACHED)
