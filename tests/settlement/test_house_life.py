"""Our own money to a venue, back from it, and to and from the house's owners, in any order, compared with the oracle after every step.

Our bank, the chain and the venue time out, lose, refuse (at once or later), split, pay twice, give back and take back; what comes is named
or not. Then everything is brought to an end, and all of it is proven. Deals and clients are the other walk's (test_life.py).
"""

import itertools
from collections import Counter
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from apps.approvals.models import Approval
from apps.core import db
from apps.core.errors import IllegalMove
from apps.jobs import settlement as jobs
from apps.jobs import venues as venue_jobs
from apps.settlement.errors import Blocked
from apps.settlement.models import Instruction, Receipt, VenueMovement
from apps.settlement.rails import outside
from apps.workflows.decide_approval import decide_approval
from apps.workflows.move_capital import ask_pay_in, ask_pay_out
from apps.workflows.pay_in_at_venues import import_venue_movements
from apps.workflows.request_release import recall_release, request_release
from apps.workflows.transfer_house import ask_house_transfer, cancel_house_transfer
from tests.people import staff

from . import house_oracle as oracle
from . import venues as there
from . import world as here
from .walking import SOFT, Walk, picks, run, run_many

assets = st.sampled_from(["USD", "USD", "BTC"])
AMOUNTS = {"USD": ["10", "10", "25", "60000"], "BTC": ["1", "1", "2"]}
shares = st.sampled_from(["whole", "whole", "rest", "half"])
OURS = ["OK", "OK", "SLOW", "SPLIT", "RETURN", "CHARGE", "REJECT", "TIMEOUT", "TIMEOUT_LOST"]
THEIRS = [*OURS, "POLICY", "LOSE", "DUPLICATE"]
OWNER = {"owner": "Aurora Holding", "address": "021000021-9001", "bic": "CHASUS33"}
KEPT = {"USD": D(100_000), "BTC": D(5)}
RECORD = "reference,booked_at,asset,amount,fee,key,transaction,takes_back\n"
REACHED = {
    *(f"{kind} {status}" for kind in (oracle.TO_VENUE, oracle.FROM_VENUE, oracle.TO_OWNER) for status in ("SETTLED", "FAILED")),
    "receipts MATCHED", "receipts REVERTED", "receipts QUARANTINED", "taken back at the venue", "capital in",
    "TO_VENUE in parts", "FROM_VENUE in parts",
}  # fmt: skip


class HouseLife(Walk):
    """One house with an account and a venue's place for dollars and for coins."""

    @initialize(outcome=st.sampled_from(THEIRS))
    def house_opens(self, outcome: str) -> None:
        """Something is on its way from the start: few walks come so far by themselves."""
        self.ours = self.open_house()
        self.places = there.open_venue("USD", "BTC")
        self.house = oracle.House()
        for asset, kept in KEPT.items():
            there.keeps(place=self.places[asset], amount=kept)
            self.house.post(asset, here.CAPITAL[asset], "NOSTRO", "CAPITAL")
            self.house.post(asset, kept, "VENUE", "CAPITAL")
        names = {"olga": "operations", "otto": "operations", "fay": "finance", "finn": "finance", "cora": "compliance", "rita": "risk"}
        self.people = {name: staff(name, role) for name, role in names.items()}
        self.approvals: dict[oracle.Transfer, Approval] = {}
        self.numbers = itertools.count(1)
        self.leave(oracle.TO_VENUE, "USD", 0, outcome)
        self.reaches_the_venue("USD", 0, "yes", "half")
        self.leave(oracle.FROM_VENUE, "USD", 0, outcome)
        self.comes_in("USD", 0, True, "venue", "half")

    # --- helpers ----------------------------------------------------------------------------------------------------
    def paid(self, *payments: str) -> list[oracle.Transfer]:
        return [one for one in self.house.transfers if one.payment in payments]

    def going(self, kind: str, asset: str) -> list[oracle.Transfer]:
        """What has left, or may have."""
        same = [one for one in self.house.transfers if (one.kind, one.asset) == (kind, asset)]
        return [one for one in same if one.payment in {"UNKNOWN", "SENT", "SETTLED"}]

    def share(self, one: oracle.Transfer, how: str) -> D:
        """All of it, half of it, or what it lacks."""
        half = (one.amount / 2).quantize(D("0.01"))
        return {"whole": one.amount, "half": half, "rest": one.outstanding or one.amount}[how]

    def row(self, one: oracle.Transfer) -> Instruction:
        return Instruction.objects.get(house_transfer_id=one.key)  # type: ignore[misc]

    def sign(self, asked: Approval, *names: str, yes: bool = True) -> str:
        for name in names:
            done = decide_approval(approval_id=asked.id, actor=self.people[name], approve=yes or name != names[-1])
        return str(done.status)

    # --- asked, checked, taken back ---------------------------------------------------------------------------------
    @rule(kind=st.sampled_from([oracle.TO_VENUE, oracle.FROM_VENUE, oracle.TO_OWNER]), asset=assets, pick=picks)
    def ask(self, kind: str, asset: str, pick: int) -> None:
        asset = "USD" if kind == oracle.TO_OWNER else asset
        amount = D(self.pick(AMOUNTS[asset], pick))
        ours, place = self.ours[asset].id, self.places[asset].id
        if kind == oracle.TO_OWNER:
            made, asked = ask_pay_out(actor=self.people["fay"], nostro_id=ours, amount=amount, **OWNER, reason="tried")
        else:
            ends = {"source_id": ours, "target_id": place} if kind == oracle.TO_VENUE else {"source_id": place, "target_id": ours}
            made, asked = ask_house_transfer(actor=self.people["olga"], **ends, amount=amount, reason="tried")
        one = oracle.Transfer(kind, asset, amount, made.id, self.now)
        self.house.transfers.append(one)
        self.approvals[one] = asked

    @precondition(lambda self: self.approvals)
    @rule(pick=picks, yes=st.sampled_from([True, True, True, False]))
    def decide(self, pick: int, yes: bool) -> None:
        """By finance, of capital by another of finance and compliance."""
        one = self.pick(list(self.approvals), pick)
        done = self.sign(self.approvals.pop(one), *(("finn", "cora") if one.kind == oracle.TO_OWNER else ("fay",)), yes=yes)
        if one.status == "REQUESTED":
            assert done == ("EXECUTED" if yes else "REJECTED")
            self.house.decide(one, yes)
        else:
            assert done != "EXECUTED"

    @rule()
    def instruct(self) -> None:
        jobs.instruct_due()
        jobs.review_queue()
        self.house.instruct()
        for one in self.paid("WAITING"):
            one.named = self.row(one).end_to_end_id

    @precondition(lambda self: self.house.transfers)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        one = self.pick(self.house.transfers, pick)
        try:
            cancel_house_transfer(actor=self.people["fay" if one.kind == oracle.TO_OWNER else "olga"], transfer_id=one.key)
        except IllegalMove:
            assert one.status in {"CANCELLED", "FAILED"} or not self.house.cancel(one)
            return
        assert self.house.cancel(one)

    # --- the payment ------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.paid("WAITING"))
    @rule(pick=picks, override=st.booleans())
    def release(self, pick: int, override: bool) -> None:
        one = self.pick(self.paid("WAITING"), pick)
        short = one.amount > self.house.free(one)
        try:
            asked = request_release(actor=self.people["otto"], instruction_ids=[self.row(one).id], overrides=SOFT if override else {})
        except Blocked as no:
            (told,) = no.extra["blockers"].values()
            assert not override
            assert ("INSUFFICIENT_NOSTRO" in told) == short
            return
        assert override or not short
        assert self.sign(asked, *(("olga", "rita", "cora") if override else ("olga",))) == "EXECUTED"
        one.payment, one.overridden = "RELEASED", override

    @precondition(lambda self: self.paid("RELEASED"))
    @rule(pick=picks)
    def recall(self, pick: int) -> None:
        one = self.pick(self.paid("RELEASED"), pick)
        recall_release(actor=self.people["olga"], instruction_id=self.row(one).id, reason="tried")
        one.payment = "WAITING"

    @precondition(lambda self: self.paid("RELEASED"))
    @rule(ours=st.sampled_from(OURS), theirs=st.sampled_from(THEIRS))
    def send(self, ours: str, theirs: str) -> None:
        leaving = sorted(((self.row(one), one) for one in self.paid("RELEASED")), key=lambda pair: (pair[0].due_date, pair[0].id))
        for asset in ("USD", "BTC"):
            for place, outcome in ((there.place_of(self.ours[asset]), ours), (there.at_venue(asset), theirs)):
                outside.change(place, lambda doc: doc.update(scripts=[]))
                for _ in leaving:
                    outside.script(place, outcome)
        jobs.send_released()
        for row, one in leaving:
            row.refresh_from_db()
            left = row.status != "BLOCKED"
            assert left or not one.overridden
            assert not left or one.overridden or one.amount <= self.house.free(one)
            if left:
                self.house.send(one, theirs if one.kind == oracle.FROM_VENUE else ours, self.now)
            else:
                one.payment = "WAITING"

    @rule(
        kind=st.sampled_from([oracle.TO_VENUE, oracle.FROM_VENUE, oracle.TO_OWNER]),
        asset=assets,
        pick=picks,
        outcome=st.sampled_from(THEIRS),
    )
    def leave(self, kind: str, asset: str, pick: int, outcome: str) -> None:
        """All of it at once, since few walks come so far by single steps."""
        self.ask(kind, asset, pick)
        self.decide(0, True)
        self.instruct()
        self.release(0, True)
        self.send(outcome if outcome in OURS else "OK", outcome)

    @precondition(lambda self: self.paid("UNKNOWN"))
    @rule()
    def ask_what_became_of_it(self) -> None:
        asked = [(one, self.row(one).end_to_end_id) for one in self.paid("UNKNOWN")]
        jobs.resolve_unknown()
        for one, key in asked:
            place = there.at_venue(one.asset) if one.kind == oracle.FROM_VENUE else there.place_of(self.ours[one.asset])
            if outside.change(place, lambda doc, key=key: doc["payments"][key]["outcome"]) == "ACCEPTED":
                self.house.sent(one)
            else:
                self.house.fail(one, "FAILED")

    @rule()
    def ask_where_it_stands(self) -> None:
        """The venue's people may have refused what the venue took on."""
        jobs.follow_sent()
        for one in self.house.transfers:
            if one.payment == "SENT" and one.refused_at is not None and one.refused_at <= self.now:
                self.house.refuse(one)

    @precondition(lambda self: [one for one in self.paid("SETTLED") if one.kind != oracle.FROM_VENUE])
    @rule(pick=picks)
    def give_back(self, pick: int) -> None:
        """The bank of the venue, or of the owner, sends a payment back, long after it was booked."""
        one = self.pick([one for one in self.paid("SETTLED") if one.kind != oracle.FROM_VENUE], pick)
        place, key = there.place_of(self.ours[one.asset]), one.named
        doc = outside.change(place, lambda doc: doc)
        if not any(line["kind"] == "RETURN" and line.get("end_to_end_id") == key for line in doc["pending"] + doc["lines"]):
            outside.give_back(place, key, reason="AC04", at=self.now)
            self.house.return_at("BANK", one, self.now)

    # --- the venue's record -----------------------------------------------------------------------------------------
    @rule(asset=assets, pick=picks, named=st.sampled_from(["", "yes", "no"]), how=shares)
    def reaches_the_venue(self, asset: str, pick: int, named: str, how: str) -> None:
        """Its record shows our money: what is on its way there, or something that nobody sent."""
        going = self.going(oracle.TO_VENUE, asset)
        one = self.pick(going, pick) if going else None
        amount = self.share(one, how) if one is not None else D(self.pick(AMOUNTS[asset], pick))
        key = {"": "", "yes": one.named if one is not None else "", "no": "of-nobody"}[named]
        told = oracle.Movement(asset, amount, D(0), self.now, key, transaction=f"d-{next(self.numbers)}")
        there.reaches(asset, amount, key=key, transaction=told.transaction)
        self.house.move(told)

    @precondition(lambda self: any(one.kind == oracle.TO_VENUE and one.parts for one in self.house.transfers))
    @rule(pick=picks, whole=st.sampled_from([True, True, False]), fee=st.sampled_from(["0", "1.5"]))
    def taken_back_by_the_venue(self, pick: int, whole: bool, fee: str) -> None:
        """A file says that what came is gone again."""
        one = self.pick([one for one in self.house.transfers if one.kind == oracle.TO_VENUE and one.parts], pick)
        self.venue_takes_back(one, self.pick(one.parts, pick), whole, fee)

    def venue_takes_back(self, one: oracle.Transfer, came: oracle.Movement, whole: bool, fee: str) -> None:
        amount = came.amount if whole else came.amount - D("0.01")
        reference = VenueMovement.objects.values_list("reference", flat=True).get(transaction=came.transaction)
        line = f"t-{next(self.numbers)},{self.now.isoformat()},{one.asset},-{amount},{fee},,,{reference}\n"
        given = {"entity_id": self.ours["USD"].entity_id, "counterparty": "northgate", "text": RECORD + line}
        assert import_venue_movements(actor=None, **given) == 1
        told = oracle.Movement(one.asset, -amount, D(fee), self.now, takes_back=came)
        self.house.movements.append(told)
        self.seen["taken back at the venue"] += self.house.explain(told)
        assert import_venue_movements(actor=None, **given) == 0

    @rule()
    def read_the_venue(self) -> None:
        venue_jobs.poll_venues()
        self.house.read("VENUE", self.now)
        self.house.explain_waiting()

    # --- what comes in ----------------------------------------------------------------------------------------------
    @rule(asset=assets, pick=picks, named=st.booleans(), sender=st.sampled_from(["venue", "venue", "owner"]), how=shares)
    def comes_in(self, asset: str, pick: int, named: bool, sender: str, how: str) -> None:
        """From the venue: what we fetch, or what nobody asked for; or an owner pays in."""
        going = self.going(oracle.FROM_VENUE, asset)
        one = self.pick(going, pick) if going and sender == "venue" else None
        amount = self.share(one, how) if one is not None else D(self.pick(AMOUNTS[asset], pick))
        reference, remittance = f"IN-{next(self.numbers)}", ""
        if one is not None and named:
            shown = VenueMovement.objects.filter(transfer_id=one.key, amount__lt=0).order_by("booked_at", "reference")
            known = {r.reference for r in self.house.receipts}
            sent = [name for name in shown.values_list("transaction", flat=True) if name not in known]
            if asset == "BTC" and sent:
                reference = sent[0]
            elif asset == "USD":
                remittance = one.named
        name = "Northgate Exchange" if sender == "venue" else "Aurora Holding"
        there.arrives(self.ours[asset], amount, transaction=reference, name=name, remittance=remittance)
        sent_for = one if reference.startswith("tx-") else None
        self.house.pay_in(oracle.Receipt(reference, asset, amount, sender, self.now, remittance, sent_for))

    @rule()
    def read_our_banks(self) -> None:
        jobs.poll_rails()
        self.house.read("BANK", self.now)

    @rule()
    def match(self) -> None:
        jobs.match_receipts()
        self.house.match(self.now)

    @precondition(lambda self: any(r.status == "QUARANTINED" for r in self.house.receipts))
    @rule(pick=picks, yes=st.sampled_from([True, True, False]))
    def book_as_capital(self, pick: int, yes: bool) -> None:
        """Asked by finance, said by another of finance and by compliance."""
        one = self.pick([r for r in self.house.receipts if r.status == "QUARANTINED"], pick)
        receipt = Receipt.objects.get(rail_reference=one.reference, asset_id=one.asset)
        asked = ask_pay_in(actor=self.people["fay"], receipt_id=receipt.id, owner="Aurora Holding", reason="tried")
        assert self.sign(asked, "finn", "cora", yes=yes) == ("EXECUTED" if yes else "REJECTED")
        if yes:
            self.house.is_capital(one)
            self.seen["capital in"] += 1

    @precondition(lambda self: any(not r.gone for r in self.house.receipts))
    @rule(pick=picks)
    def take_back(self, pick: int) -> None:
        """A recall, a reorganisation."""
        one = self.pick([r for r in self.house.receipts if not r.gone], pick)
        outside.reorganise(there.place_of(self.ours[one.asset]), one.reference, at=self.now)
        self.house.take_back(one, self.now)

    @rule(hours=st.sampled_from([0.1, 1, 3, 24]))
    def later(self, hours: float) -> None:
        self.at(self.now + timedelta(hours=hours))

    @rule()
    def read_all(self) -> None:
        self.later(1)
        self.read_our_banks()
        self.read_the_venue()
        self.match()

    def rests_come(self, asset: str) -> None:
        """What has begun to come in parts comes to its end."""
        for kind in (oracle.TO_VENUE, oracle.FROM_VENUE):
            begun = [one for one in reversed(self.going(kind, asset)) if one.parts and one.outstanding]
            for one in begun:
                at = len(self.going(kind, asset)) - 1 - self.going(kind, asset).index(one)
                if kind == oracle.TO_VENUE:
                    self.reaches_the_venue(asset, at, "yes", "rest")
                else:
                    self.comes_in(asset, at, True, "venue", "rest")

    def a_part_goes_back(self) -> None:
        """Of each that came in parts the last one is gone again."""
        for one in [one for one in self.house.transfers if len(one.parts) > 1]:
            part = one.parts[-1]
            if isinstance(part, oracle.Movement):
                self.venue_takes_back(one, part, True, "0")
            elif isinstance(part, oracle.Receipt) and not part.gone:
                outside.reorganise(there.place_of(self.ours[one.asset]), part.reference, at=self.now)
                self.house.take_back(part, self.now)

    # --- what must be so --------------------------------------------------------------------------------------------
    @invariant()
    def all_stands_as_the_oracle_says(self) -> None:
        if not hasattr(self, "house"):
            return
        shown = {"READY": "WAITING", "BLOCKED": "WAITING"}
        rows = db.run(
            """SELECT t.id, t.status, t.arrived, i.status, i.settled_amount FROM settlement_housetransfer t
               LEFT JOIN settlement_instruction i ON i.house_transfer_id = t.id"""
        )
        found = {
            key: (status, arrived, shown.get(payment, payment) or "", settled or D(0)) for key, status, arrived, payment, settled in rows
        }
        assert found == {one.key: (one.status, one.arrived, one.payment, one.settled) for one in self.house.transfers}
        rows = db.run("SELECT asset_id, rail_reference, status FROM settlement_receipt")
        assert {(asset, reference): status for asset, reference, status in rows} == {
            (r.asset, r.reference): r.status for r in self.house.receipts if r.status != "NEW"
        }
        rows = db.run("SELECT asset_id, amount, fee, transfer_id FROM settlement_venuemovement")
        assert Counter(rows) == Counter((m.asset, m.amount, m.fee, m.of.key if m.of else None) for m in self.house.movements)

    @invariant()
    def the_books_are_the_oracles(self) -> None:
        if not hasattr(self, "house"):
            return
        venue, ours = self.places["USD"].venue_id, {one.id for one in self.ours.values()}
        found: Counter[tuple[str, str]] = Counter()
        transit: Counter[object] = Counter()
        for kind, asset, owner, amount in db.run("SELECT kind, asset_code, owner_id, amount FROM ledger_ledgeraccount WHERE amount <> 0"):
            from_till = "FROM VENUE" if owner == venue else "FROM NOSTRO" if owner in ours else ""
            if kind == "IN_TRANSIT" and not from_till:
                transit[owner] += amount
            found[from_till if kind == "IN_TRANSIT" and from_till else kind, asset] += amount
        assert {name: amount for name, amount in found.items() if amount} == {
            name: amount for name, amount in self.house.books.items() if amount
        }
        assert dict(transit) == {key: amount for key, amount in self.house.transit.items() if amount}
        going = {one.key for one in self.house.transfers if one.status == "IN_TRANSIT"}
        assert {key for key, amount in transit.items() if amount} == going, (
            "what is in transit is of a transfer that is on its way, and all of it"
        )

    # --- the end ----------------------------------------------------------------------------------------------------
    def teardown(self) -> None:
        if not hasattr(self, "house"):
            return
        self.instruct()
        while waiting := self.paid("WAITING"):
            self.release(len(waiting) - 1, True)
        if self.paid("RELEASED"):
            self.send("OK", "OK")
        if self.paid("UNKNOWN"):
            self.ask_what_became_of_it()
        self.later(24)
        self.ask_where_it_stands()
        self.read_all()
        for asset in ("USD", "BTC"):
            self.rests_come(asset)
        self.read_all()
        self.seen.update(f"{one.kind} in parts" for one in self.house.transfers if one.status == "SETTLED" and len(one.parts) > 1)
        self.a_part_goes_back()
        self.read_all()
        self.all_stands_as_the_oracle_says()
        self.the_books_are_the_oracles()
        self.prove()
        self.seen.update(f"{one.kind} {one.status}" for one in self.house.transfers)
        self.seen.update(f"receipts {one.status}" for one in self.house.receipts)


@pytest.mark.django_db(transaction=True)
def test_our_own_money_goes_and_comes_as_the_oracle_says() -> None:
    run(HouseLife, 2, 15, derandomize=True)


@pytest.mark.drill
@pytest.mark.timeout(3600)
@pytest.mark.django_db(transaction=True)
def test_hundreds_of_ways_that_our_own_money_goes_and_hledger_agrees(tmp_path: Path) -> None:
    run_many(HouseLife, 10, tmp_path, REACHED)
