"""Settlement as it should be, in plain Python: deals, what is owed, net sets, payments, receipts, and the books that follow from them.

One client on credit whose deals are netted. Amounts are signed: what we get is above zero. What others decide (prices, value dates,
what a rail does) is handed in; what follows from it is worked out here and nowhere looked up.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from zoneinfo import ZoneInfo

D, ZERO, CENT, GRACE = Decimal, Decimal(0), Decimal("0.01"), timedelta(seconds=10)
CUTOFF, LONDON = time(16), ZoneInfo("Europe/London")
DELAY = {"USD": timedelta(minutes=5), "BTC": timedelta(minutes=30)}  # from the rail's yes to its booked line
FEE = {"USD": ZERO, "BTC": D("0.00005")}
KNOWN = {"CLIENT_SUSPENDED", "NOT_AGREED", "TRADE_DISPUTED"}  # of what closes the release gate, the part that is worked out here
LARGEST, MOST = {"USD": D(15000)}, 3  # what a rail takes in one payment, and in how many payments one may leave
ENDED = {"FAILED", "RETURNED", "CANCELLED"}
WAITS, LIVE = {"EXPECTED", "PART_RECEIVED"}, {"FROZEN", "AGREED", "DISPUTED", "SETTLING"}


@dataclass(eq=False)
class Deal:
    key: object
    side: str
    quantity: D
    price: D
    version: int = 1
    cancelled: bool = False
    disputed: bool = False
    carried: bool = True  # by the credit line

    def owes(self) -> dict[str, D]:
        if self.cancelled:
            return {"USD": ZERO, "BTC": ZERO}
        worth = self.quantity * self.price
        if self.side == "buy":
            return {"USD": worth.quantize(CENT, ROUND_CEILING), "BTC": -self.quantity}
        return {"USD": -worth.quantize(CENT, ROUND_FLOOR), "BTC": self.quantity}


@dataclass(eq=False)
class Owed:
    deal: Deal
    version: int
    asset: str
    amount: D
    value_date: date
    booked_at: datetime
    status: str = "OPEN"
    leg: "Leg | None" = None


@dataclass(eq=False)
class NetSet:
    value_date: date
    cutoff_at: datetime
    status: str = "FROZEN"
    legs: list["Leg"] = field(default_factory=list)


@dataclass(eq=False)
class Leg:
    net_set: NetSet
    asset: str
    amount: D
    members: list[Owed]
    status: str = "INSTRUCTED"
    settled: D = ZERO

    @property
    def set_off(self) -> D:
        gets = sum((o.amount for o in self.members if o.amount > 0), ZERO)
        return min(gets, gets - self.amount)


@dataclass(eq=False)
class Withdrawal:
    key: object
    asset: str
    amount: D
    status: str = "HELD"


@dataclass(eq=False)
class Order:
    """A payment of ours, or one that we wait for."""

    of: Leg | Withdrawal
    asset: str
    amount: D
    due: date
    status: str
    settled: D = ZERO
    released_whole: bool = False  # every blocker that may be overridden was
    whole: "Order | None" = None  # of which this is one payment of many, its `part`th
    part: int = 0


@dataclass(eq=False)
class Receipt:
    reference: str
    asset: str
    amount: D
    named: Order | None
    final_at: datetime
    status: str = "NEW"
    gone: bool = False  # taken back, whether the line came already or not
    parts: list[tuple[Order | None, D]] = field(default_factory=list)


class House:
    def __init__(self) -> None:
        self.deals: list[Deal] = []
        self.owed: list[Owed] = []
        self.sets: list[NetSet] = []
        self.orders: list[Order] = []
        self.receipts: list[Receipt] = []
        self.withdrawals: list[Withdrawal] = []
        # booked lines: on which account, when, in which order, what they do; accounts are read one after the other
        self.coming: list[tuple[str, datetime, int, Callable[[datetime], None]]] = []
        self.books: dict[tuple[str, str], D] = defaultdict(D)
        self.held: dict[str, D] = defaultdict(D)
        self.suspended = False
        self.made = 0

    def post(self, asset: str, amount: D, debit: str, credit: str) -> None:
        self.books[debit, asset] += amount
        self.books[credit, asset] -= amount

    def line(self, asset: str, at: datetime, act: Callable[[datetime], None]) -> None:
        self.made += 1
        self.coming.append((asset, at, self.made, act))

    # --- deals ------------------------------------------------------------------------------------------------------
    def deal(self, deal: Deal, value_date: date, now: datetime) -> None:
        self.deals.append(deal)
        for asset, amount in deal.owes().items():
            self._owe(Owed(deal, 1, asset, amount, value_date, now))

    def restate(self, deal: Deal, dates: Callable[[str], date | None], now: datetime) -> None:
        """A version came: what is OPEN goes, what is netted or settled stays, a delta makes the sum right."""
        deal.version += 1
        mine = [o for o in self.owed if o.deal is deal and o.status != "CANCELLED"]
        for one in [o for o in mine if o.status == "OPEN"]:
            one.status = "CANCELLED"
            self._post_owed(one, -1)
        for asset, amount in deal.owes().items():
            left = amount - sum((o.amount for o in mine if o.asset == asset and o.status != "CANCELLED"), ZERO)
            if left:
                self._owe(Owed(deal, deal.version, asset, left, dates(asset) or date.min, now))
        deal.disputed, deal.carried = False, self.is_open(deal)

    def _owe(self, one: Owed) -> None:
        self.owed.append(one)
        self._post_owed(one, 1)

    def _post_owed(self, one: Owed, sign: int) -> None:
        self.post(one.asset, sign * one.amount, "RECEIVABLE" if one.amount > 0 else "PAYABLE", "POSITION")

    def is_open(self, deal: Deal) -> bool:
        return any(o.deal is deal and o.status in {"OPEN", "NETTED"} for o in self.owed)

    # --- net sets ---------------------------------------------------------------------------------------------------
    def _cutoff(self, one: Owed) -> datetime:
        taken = {s.cutoff_at for s in self.sets if s.value_date == one.value_date and s.status != "ABORTED"}
        day = one.value_date - timedelta(days=1)
        while (at := datetime.combine(day, CUTOFF, LONDON)) < one.booked_at or at in taken:
            day += timedelta(days=1)
        return at

    def _free(self) -> Iterator[Owed]:
        return (o for o in self.owed if o.status == "OPEN" and not o.deal.disputed)

    def freeze(self, now: datetime) -> None:
        due = {(at, o.value_date) for o in self._free() if (at := self._cutoff(o)) <= now - GRACE}
        for at, day in sorted(due):
            if members := [o for o in self._free() if o.value_date == day and o.booked_at <= at]:
                self._net(NetSet(day, at), members)
        self._order_again()

    def _net(self, made: NetSet, members: list[Owed]) -> None:
        self.sets.append(made)
        for asset in sorted({o.asset for o in members}):
            mine = [o for o in members if o.asset == asset]
            leg = Leg(made, asset, sum((o.amount for o in mine), ZERO), mine)
            made.legs.append(leg)
            for one in mine:
                one.status, one.leg = "NETTED", leg
        for leg in made.legs:
            if leg.amount:
                self._order(leg)
            else:
                self._settle(leg)

    def _order(self, leg: Leg) -> None:
        leg.status = "INSTRUCTED"
        self.orders.append(Order(leg, leg.asset, leg.amount, leg.net_set.value_date, "WAITING" if leg.amount < 0 else "EXPECTED"))

    def abort(self, one: NetSet) -> bool:
        mine = [o for o in self.orders if o.of in one.legs]
        members = [m for leg in one.legs for m in leg.members]
        whole = any(m.status == "SETTLED" and not self.is_open(m.deal) for m in members)
        busy = any(o.status not in {"WAITING", "EXPECTED", "FAILED", "RETURNED", "CANCELLED"} for o in mine)
        if one.status not in {"FROZEN", "AGREED", "DISPUTED"} or busy or whole:
            return False
        one.status = "ABORTED"
        for order in mine:
            order.status = "CANCELLED" if order.status in {"WAITING", "EXPECTED"} else order.status
        for leg in one.legs:
            self._reopen(leg, ZERO)
        for member in members:
            member.status, member.leg = "OPEN", None
        return True

    def _begin(self, one: NetSet) -> None:
        one.status = "SETTLING" if one.status in LIVE else one.status

    def _settle(self, leg: Leg) -> None:
        leg.status = "SETTLED"
        for one in leg.members:
            one.status = "SETTLED"
        self.post(leg.asset, leg.set_off, "PAYABLE", "RECEIVABLE")
        if all(other.status == "SETTLED" for other in leg.net_set.legs):
            leg.net_set.status = "SETTLED"
        for deal in {o.deal for o in leg.members}:
            deal.carried = deal.carried and self.is_open(deal)

    def _reopen(self, leg: Leg, undone: D) -> None:
        if leg.status == "SETTLED":
            for one in leg.members:
                one.status = "NETTED"
            self.post(leg.asset, -leg.set_off, "PAYABLE", "RECEIVABLE")
            leg.net_set.status = "SETTLING" if leg.net_set.status == "SETTLED" else leg.net_set.status
        leg.settled -= undone
        leg.status = "OPEN"

    def _apply(self, leg: Leg, amount: D) -> None:
        self._begin(leg.net_set)
        leg.settled += amount
        if leg.settled == abs(leg.amount):
            self._settle(leg)
        else:
            leg.status = "PART_SETTLED"

    # --- payments ---------------------------------------------------------------------------------------------------
    def _order_again(self) -> None:
        """Legs whose payment failed, came back or was taken back."""
        for one in self.sets:
            for leg in one.legs:
                if one.status in LIVE and leg.status == "OPEN" and leg.amount:
                    self._order(leg)

    def instruct(self, today: date) -> None:
        self._order_again()
        for paid in self.withdrawals:
            if paid.status == "HELD":
                paid.status = "INSTRUCTED"
                self.orders.append(Order(paid, paid.asset, -paid.amount, today, "WAITING"))

    def blockers(self, order: Order) -> set[str]:
        """Of KNOWN, what speaks against a payment."""
        found = {"CLIENT_SUSPENDED": self.suspended}
        if isinstance(order.of, Leg):
            found["NOT_AGREED"] = order.of.net_set.status not in {"AGREED", "SETTLING"}
            found["TRADE_DISPUTED"] = any(m.deal.disputed for m in order.of.members)
        return {code for code, is_so in found.items() if is_so}

    def must_wait(self, order: Order) -> bool:
        """Whether something speaks against a payment that only an override takes away; other things may too."""
        return bool(self.blockers(order))

    def release(self, order: Order, override: bool) -> None:
        """What is over its rail's limit leaves in parts, each with a life of its own."""
        order.status, order.released_whole = "RELEASED", override
        amounts = self._parts(order)
        if len(amounts) > 1:
            order.status = "SPLIT"
            parts = [Order(order.of, order.asset, -a, order.due, "RELEASED", ZERO, override, order, n) for n, a in enumerate(amounts, 1)]
            self.orders += parts

    def _parts(self, order: Order) -> list[D]:
        amount, largest = -order.amount, LARGEST.get(order.asset)
        if order.whole is not None or largest is None or amount > largest * MOST:
            return [amount]
        return [min(largest, amount - largest * n) for n in range(MOST) if amount > largest * n]

    def recall(self, order: Order) -> bool:
        """Of a whole, what has not left: nothing stays split where nothing has left."""
        if order.status == "RELEASED":
            order.status = "WAITING"
            return True
        parts = [o for o in self.orders if o.whole is order]
        left = any(o.status not in {"RELEASED", "WAITING", "CANCELLED"} for o in parts)
        held = [o for o in parts if o.status == "RELEASED"]
        for one in held:
            one.status = "WAITING"
        if left:
            return bool(held)
        for one in parts:
            one.status = "CANCELLED"
        order.status = "WAITING"
        return True

    def _pay_again(self, part: Order) -> None:
        self.orders.append(Order(part.of, part.asset, part.amount, part.due, "WAITING", whole=part.whole, part=part.part))
        self._follow(part)

    def _follow(self, part: Order) -> bool:
        """The whole shows what its living parts have paid; whether that is all."""
        whole = part.whole
        assert whole is not None
        whole.settled = sum((o.settled for o in self.orders if o.whole is whole and o.status not in ENDED), ZERO)
        return whole.settled == -whole.amount

    def send(self, order: Order, outcome: str, now: datetime) -> None:
        amount, at = -order.amount, now + DELAY[order.asset] * (12 if outcome == "SLOW" else 1)
        if outcome == "REJECT":
            return self.fail(order)
        order.status = "UNKNOWN"
        if outcome == "TIMEOUT_LOST":
            return None
        half = (amount / 2).quantize(CENT, ROUND_FLOOR)
        for part in (half, amount - half) if outcome == "SPLIT" and half else (amount,):
            self.line(order.asset, at, lambda _, part=part: self._booked(order, part))
        charge = FEE[order.asset] or (D(15) if outcome == "CHARGE" else ZERO)
        self.line(order.asset, at, lambda _: self.post(order.asset, charge, "COST", "NOSTRO"))
        if outcome == "RETURN":
            self.line(order.asset, at + timedelta(hours=2), lambda _: self.give_back(order))
        if outcome != "TIMEOUT":
            self.sent(order)
        return None

    def sent(self, order: Order) -> None:
        order.status = "SENT"
        if isinstance(order.of, Leg):
            self._begin(order.of.net_set)
        else:
            self.held[order.asset] += order.amount
        self.post(order.asset, -order.amount, "PAYABLE" if isinstance(order.of, Leg) else "CLIENT_BALANCE", "IN_TRANSIT")

    def fail(self, order: Order) -> None:
        order.status = "FAILED"
        if order.whole is not None:
            self._pay_again(order)
        elif isinstance(order.of, Leg):
            self._reopen(order.of, ZERO)
        else:
            order.of.status = "HELD"

    def _booked(self, order: Order, part: D) -> None:
        if order.status == "UNKNOWN":
            self.sent(order)
        order.settled += part
        self.post(order.asset, part, "IN_TRANSIT", "NOSTRO")
        whole = order.settled == -order.amount
        order.status = "SETTLED" if whole else order.status
        paid = whole if order.whole is None else self._follow(order)
        if isinstance(order.of, Leg):
            self._apply(order.of, part)
        elif paid:
            order.of.status = "SETTLED"

    def give_back(self, order: Order) -> None:
        order.status = "RETURNED"
        self.post(order.asset, order.amount, "PAYABLE" if isinstance(order.of, Leg) else "CLIENT_BALANCE", "NOSTRO")
        if isinstance(order.of, Leg):
            self._reopen(order.of, order.settled)
            if order.whole is not None:  # the rest of it goes on
                order.of.status = "PART_SETTLED" if order.of.settled else "INSTRUCTED"
        else:
            order.of.status = "HELD" if order.whole is None else "INSTRUCTED"
            self.held[order.asset] -= order.amount
        if order.whole is not None:
            self._pay_again(order)

    # --- what the statements show, and what comes in ----------------------------------------------------------------
    def poll(self, now: datetime) -> None:
        for one in self.receipts:
            if one.asset == "BTC" and one.status in {"NEW", "SEEN"}:
                one.status = "SEEN" if not one.gone else "DROPPED" if one.status == "SEEN" else "NEVER"
        due = sorted(line[:3] for line in self.coming if line[1] <= now)
        for key in due:
            (line,) = (one for one in self.coming if one[:3] == key)
            self.coming.remove(line)
            line[3](now)

    def pay_in(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)
        self.line(receipt.asset, receipt.final_at, lambda _: self._final(receipt))

    def _final(self, one: Receipt) -> None:
        if not one.gone:
            one.status = "FINAL"
            self.post(one.asset, one.amount, "NOSTRO", "SUSPENSE")

    def match(self) -> None:
        for one in self.receipts:
            one.status = "CLEARED" if one.status == "FINAL" else one.status
        for one in sorted((r for r in self.receipts if r.status == "CLEARED"), key=lambda r: r.final_at):
            waiting = sorted((o for o in self.orders if o.asset == one.asset and o.status in WAITS), key=lambda o: o.due)
            exact = [o for o in waiting if o.amount - o.settled == one.amount]
            left = one.amount
            for order in [one.named] if one.named in waiting else exact[:1] or waiting:
                part = min(left, order.amount - order.settled)
                if part:
                    left -= part
                    order.settled += part
                    order.status = "RECEIVED" if order.settled == order.amount else "PART_RECEIVED"
                    one.parts.append((order, part))
                    self.post(one.asset, part, "SUSPENSE", "RECEIVABLE")
                    self._apply(order.of, part)
            if one.parts:
                one.status = "MATCHED"
                self.post(one.asset, left, "SUSPENSE", "CLIENT_BALANCE")
                one.parts.append((None, left))

    def take_back(self, one: Receipt, now: datetime) -> None:
        """A recall, a reorganisation: before it was booked nothing comes of it, else a line takes it out again."""
        one.gone = True
        if one.status not in {"NEW", "SEEN"}:
            self.line(one.asset, now, lambda _: self._revert(one))

    def _revert(self, one: Receipt) -> None:
        one.status = "REVERTED"
        self.post(one.asset, -one.amount, "NOSTRO", "SUSPENSE")
        for order, part in one.parts:
            self.post(one.asset, -part, "SUSPENSE", "RECEIVABLE" if order else "CLIENT_BALANCE")
            if order:
                order.settled -= part
                order.status = "PART_RECEIVED" if order.settled else "EXPECTED"
                self._reopen(order.of, part)
                order.of.status = "PART_SETTLED" if order.of.settled else "INSTRUCTED"
                for member in order.of.members:
                    member.deal.carried = True
