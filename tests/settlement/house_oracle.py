"""Our own money between our accounts, a venue and the house's owners as it should be, in plain Python: transfers, and the books they make.

Amounts are above zero. What banks, chains and the venue do is handed in; what follows from it is worked out here and nowhere looked up.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

D, ZERO, CENT = Decimal, Decimal(0), Decimal("0.01")
TO_VENUE, FROM_VENUE, TO_OWNER = "TO_VENUE", "FROM_VENUE", "TO_OWNER"
DELAY = {"USD": timedelta(minutes=5), "BTC": timedelta(minutes=30)}  # from a rail's yes to its booked line
SHOWN = timedelta(minutes=10)  # from the venue's yes to its record
WAITS = timedelta(days=1)  # what may be a part of what a venue sends, for the venue's record
REFUSED = timedelta(minutes=5)  # from the venue's yes to its people's no
RAIL_FEE = {"USD": ZERO, "BTC": D("0.00005")}
VENUE_FEE = {"USD": ZERO, "BTC": D("0.0003")}


@dataclass(eq=False)
class Transfer:
    kind: str
    asset: str
    amount: D
    key: object
    asked_at: datetime
    status: str = "REQUESTED"
    payment: str = ""  # WAITING, RELEASED, UNKNOWN, SENT, SETTLED, FAILED, RETURNED, CANCELLED
    settled: D = ZERO
    named: str = ""  # our key of its payment
    overridden: bool = False
    arrived: D = ZERO
    parts: list[object] = field(default_factory=list)  # the receipts or movements that brought it
    refused_at: datetime | None = None

    @property
    def outstanding(self) -> D:
        return self.amount - self.arrived


@dataclass(eq=False)
class Receipt:
    reference: str
    asset: str
    amount: D
    sender: str
    final_at: datetime
    remittance: str = ""
    sent_for: Transfer | None = None  # whose transaction it is, by the venue's record
    status: str = "NEW"
    gone: bool = False


@dataclass(eq=False)
class Movement:
    """A line of the venue's record: what came is above zero."""

    asset: str
    amount: D
    fee: D
    at: datetime
    key: str = ""
    transaction: str = ""
    takes_back: "Movement | None" = None
    of: Transfer | None = None


@dataclass(eq=False)
class House:
    transfers: list[Transfer] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)  # as they are taken in
    # what our bank, the chain and the venue will show: where, when, in which order, what it does
    coming: list[tuple[str, str, datetime, int, Callable[[], None]]] = field(default_factory=list)
    books: dict[tuple[str, str], D] = field(default_factory=lambda: defaultdict(D))
    transit: dict[object, D] = field(default_factory=lambda: defaultdict(D))  # by transfer
    made: int = 0

    def post(self, asset: str, amount: D, debit: str, credit: str) -> None:
        self.books[debit, asset] += amount
        self.books[credit, asset] -= amount

    def show(self, where: str, asset: str, at: datetime, act: Callable[[], None]) -> None:
        self.made += 1
        self.coming.append((where, asset, at, self.made, act))

    def read(self, where: str, now: datetime) -> None:
        """What a bank or the venue shows by now, in its order."""
        for line in sorted((one for one in self.coming if one[0] == where and one[2] <= now), key=lambda one: one[2:4]):
            self.coming.remove(line)
            line[4]()

    # --- asked, checked, taken back ---------------------------------------------------------------------------------
    def decide(self, one: Transfer, yes: bool) -> None:
        one.status = "APPROVED" if yes else "CANCELLED"

    def instruct(self) -> None:
        for one in self.transfers:
            if one.status == "APPROVED":
                one.status, one.payment = "INSTRUCTED", "WAITING"

    def cancel(self, one: Transfer) -> bool:
        if one.status in {"REQUESTED", "APPROVED"}:
            one.status = "CANCELLED"
        elif one.payment == "WAITING":
            one.status, one.payment = "FAILED", "CANCELLED"
        else:
            return False
        return True

    # --- the payment ------------------------------------------------------------------------------------------------
    def till(self, one: Transfer) -> tuple[str, str]:
        """Out of which it is paid, and where that stands until it is shown gone."""
        return ("VENUE", "FROM VENUE") if one.kind == FROM_VENUE else ("NOSTRO", "FROM NOSTRO")

    def free(self, one: Transfer) -> D:
        """What is there for a payment: the till, less what has left or may have."""
        till, leaving = self.till(one)
        same = [o for o in self.transfers if o is not one and self.till(o)[0] == till and o.asset == one.asset]
        flying = [o.amount for o in same if o.payment == "UNKNOWN"]
        return self.books[till, one.asset] + self.books[leaving, one.asset] - sum(flying, ZERO)

    def send(self, one: Transfer, outcome: str, now: datetime) -> None:
        at_venue = one.kind == FROM_VENUE
        where, delay = ("VENUE", SHOWN) if at_venue else ("BANK", DELAY[one.asset])
        at = now + delay * (12 if outcome == "SLOW" else 1)
        if outcome == "REJECT":
            return self.fail(one, "FAILED")
        one.payment = "UNKNOWN"
        if outcome == "TIMEOUT_LOST":
            return None
        if outcome == "POLICY" and at_venue:
            one.refused_at = now + REFUSED
        elif outcome != "LOSE":
            self._book_at(where, one, outcome, at)
        if outcome != "TIMEOUT":
            self.sent(one)
        return None

    def _book_at(self, where: str, one: Transfer, outcome: str, at: datetime) -> None:
        half = (one.amount / 2).quantize(CENT, ROUND_DOWN)
        parts = [half, one.amount - half] if outcome == "SPLIT" else [one.amount]
        for part in parts + ([one.amount] if outcome == "DUPLICATE" else []):
            if where == "BANK":
                self.show(where, one.asset, at, lambda part=part: self.booked(one, part))
            else:
                self.move(Movement(one.asset, -part, VENUE_FEE[one.asset], at, one.named))
        fee = RAIL_FEE[one.asset] if where == "BANK" else ZERO
        if charge := fee or (D(15) if outcome == "CHARGE" else ZERO):
            if where == "BANK":
                self.show(where, one.asset, at, lambda: self.post(one.asset, charge, "COST", "NOSTRO"))
            else:
                self.move(Movement(one.asset, ZERO, charge, at, one.named))
        if outcome == "RETURN":
            self.return_at(where, one, at + timedelta(hours=2))

    def return_at(self, where: str, one: Transfer, at: datetime) -> None:
        if where == "BANK":
            self.show(where, one.asset, at, lambda: self.give_back(one))
        else:
            self.move(Movement(one.asset, one.amount, ZERO, at, one.named))

    def sent(self, one: Transfer) -> None:
        one.payment, one.status = "SENT", "IN_TRANSIT"
        self.transit[one.key] += one.amount
        self.post(one.asset, one.amount, "IN_TRANSIT", self.till(one)[1])

    def fail(self, one: Transfer, payment: str) -> None:
        one.payment, one.status = payment, "FAILED"

    def refuse(self, one: Transfer) -> None:
        """The venue's people say no to what the venue had taken on."""
        one.refused_at = None
        if one.arrived:
            came = one.parts[0]
            others = [o for o in self._on_their_way(FROM_VENUE, one.asset) if o.status == "IN_TRANSIT" and not o.arrived]
            others = [o for o in others if o.amount == one.amount]
            whole = isinstance(came, Receipt) and came.amount == one.amount and not came.remittance
            if one.asset != "USD" or not whole or not others:
                return  # it is here: a person has to look
            self._take_out(one, came, one.amount)
            self._add(others[0], came, one.amount)
        self._unsend(one)
        self.fail(one, "FAILED")

    def _unsend(self, one: Transfer) -> None:
        self.transit[one.key] -= one.amount
        self.post(one.asset, -one.amount, "IN_TRANSIT", self.till(one)[1])

    def booked(self, one: Transfer, part: D) -> bool:
        """Shown gone, where it was."""
        if one.payment == "UNKNOWN":
            self.sent(one)
        if one.payment != "SENT" or one.settled + part > one.amount:
            return False
        till, leaving = self.till(one)
        one.settled += part
        self.post(one.asset, part, leaving, till)
        if one.settled == one.amount:
            one.payment = "SETTLED"
            if one.kind == TO_OWNER:
                self._add(one, one, one.amount)
                self.post(one.asset, one.amount, "CAPITAL", "IN_TRANSIT")
        return True

    def give_back(self, one: Transfer) -> bool:
        """What was shown gone is there again: its transfer has failed, unless it has reached its other end as well."""
        if one.payment != "SETTLED" or (one.arrived and one.kind != TO_OWNER):
            return False
        if one.arrived:
            self._take_out(one, one, one.amount)
            self.post(one.asset, -one.amount, "CAPITAL", "IN_TRANSIT")
        self._unsend(one)
        till, leaving = self.till(one)
        self.post(one.asset, -one.amount, leaving, till)
        self.fail(one, "RETURNED")
        return True

    def _add(self, one: Transfer, part: object, amount: D) -> None:
        one.parts.append(part)
        one.arrived += amount
        self.transit[one.key] -= amount
        if one.arrived == one.amount:
            one.status = "SETTLED"

    def _take_out(self, one: Transfer, part: object, amount: D) -> None:
        one.parts.remove(part)
        one.arrived -= amount
        self.transit[one.key] += amount
        one.status = "IN_TRANSIT"

    # --- the venue's record -----------------------------------------------------------------------------------------
    def move(self, told: Movement) -> None:
        def act() -> None:
            self.movements.append(told)
            if told.amount:
                self.explain(told)
            else:
                self.post(told.asset, told.fee, "COST", "VENUE")

        self.show("VENUE", told.asset, told.at, act)

    def explain(self, told: Movement) -> bool:
        drawn = next((o for o in self.transfers if o.kind == FROM_VENUE and told.key and o.named == told.key), None)
        undone = told.takes_back
        if drawn is not None:
            if told.amount < 0:
                of = drawn if self.booked(drawn, -told.amount) else None
            else:
                of = drawn if told.amount == drawn.amount and self.give_back(drawn) else None
        elif undone is not None and undone.of is not None:
            end = undone.of
            of = end if undone in end.parts and told.amount == -undone.amount else None
            if of is not None:
                self._take_out(end, undone, undone.amount)
                self.post(end.asset, -undone.amount, "VENUE", "IN_TRANSIT")
        else:
            of = self._paid_in(told) if told.amount > 0 else None
        if of is not None:
            told.of = of
            self.post(told.asset, told.fee, "COST", "VENUE")
        return of is not None

    def _paid_in(self, told: Movement) -> Transfer | None:
        found = self._on_their_way(TO_VENUE, told.asset)
        if told.key:
            fits = [o for o in found if o.named in told.key and told.amount <= o.outstanding]
        else:
            fits = [o for o in found if told.amount == o.outstanding]
        one = next(iter(fits), None)
        if one is None or one.status != "IN_TRANSIT":
            return None
        self._add(one, told, told.amount)
        self.post(one.asset, told.amount, "VENUE", "IN_TRANSIT")
        return one

    def _on_their_way(self, kind: str, asset: str) -> list[Transfer]:
        mine = [o for o in self.transfers if o.kind == kind and o.asset == asset]
        return [o for o in mine if o.status == "IN_TRANSIT"] + [o for o in mine if o.status == "INSTRUCTED" and o.payment == "UNKNOWN"]

    def explain_waiting(self) -> None:
        """What nothing explained, as long as something that is on its way may."""
        had: list[Movement] = []
        longest = 0
        while True:
            going = {o.asset for o in self.transfers if o.kind != TO_OWNER and o.status in {"INSTRUCTED", "IN_TRANSIT"}}
            page = [m for m in self.movements if m.of is None and m.amount and m.asset in going and m not in had]
            if not page:
                return
            for one in sorted(page, key=lambda m: m.at):
                self.explain(one)
            had += page
            if len(page) < longest:
                return
            longest = len(page)

    # --- what comes in ----------------------------------------------------------------------------------------------
    def pay_in(self, one: Receipt) -> None:
        self.receipts.append(one)
        self.show("BANK", one.asset, one.final_at, lambda: self._final(one))

    def _final(self, one: Receipt) -> None:
        if not one.gone:
            one.status = "FINAL"
            self.post(one.asset, one.amount, "NOSTRO", "SUSPENSE")

    def match(self, now: datetime) -> None:
        for one in sorted((r for r in self.receipts if r.status == "FINAL"), key=lambda r: r.final_at):
            found = self._on_their_way(FROM_VENUE, one.asset)
            end = self._end_of(one, found)
            if end is not None:
                if end.status == "IN_TRANSIT":
                    one.status = "MATCHED"
                    self._add(end, one, one.amount)
                    self.post(one.asset, one.amount, "SUSPENSE", "IN_TRANSIT")
            elif one.asset == "USD" or not self._awaits(one, found, now):
                one.status = "QUARANTINED"

    def _end_of(self, one: Receipt, found: list[Transfer]) -> Transfer | None:
        named = [o for o in found if o.named in one.remittance or one.sent_for is o]
        fits = [o for o in found if one.amount <= o.outstanding]
        if named or one.asset != "USD":
            return next((o for o in named if o in fits), None)
        there = fits if one.sender == "venue" else []
        exact = [o for o in there if o.outstanding == one.amount]
        ended = any(o.named and o.named in one.remittance for o in self.transfers)
        return next(iter(exact or ([] if len(there) > 1 or ended else there)), None)

    def _awaits(self, one: Receipt, found: list[Transfer], now: datetime) -> bool:
        """A part, or all, of what the venue's record does not show as gone yet; what may be a part only for a while."""
        lacking = [o.outstanding for o in found if o.settled < o.amount]
        return any(one.amount == lacks or (one.amount < lacks and now - one.final_at < WAITS) for lacks in lacking)

    def is_capital(self, one: Receipt) -> None:
        one.status = "MATCHED"
        self.post(one.asset, one.amount, "SUSPENSE", "CAPITAL")

    def take_back(self, one: Receipt, now: datetime) -> None:
        one.gone = True
        if one.status != "NEW":
            self.show("BANK", one.asset, now, lambda: self._revert(one))

    def _revert(self, one: Receipt) -> None:
        if one.status not in {"FINAL", "MATCHED"}:
            return
        end = next((o for o in self.transfers if one in o.parts), None)
        if one.status == "MATCHED":
            self.post(one.asset, -one.amount, "SUSPENSE", "CAPITAL" if end is None else "IN_TRANSIT")
        if end is not None:
            self._take_out(end, one, one.amount)
        one.status = "REVERTED"
        self.post(one.asset, -one.amount, "NOSTRO", "SUSPENSE")
