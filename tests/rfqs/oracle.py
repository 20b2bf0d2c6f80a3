"""What requests, quotes and credit should do, written down a second time and as simply as possible: no database, no clock, no locks.

The machine of test_life.py does everything twice, here and for real, and compares. A refusal is a code; "ok" is none.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal

D = Decimal
MS = timedelta(milliseconds=1)
MIN_LIFE = 500 * MS  # of a streamed price, once a newer one is out
AHEAD = timedelta(seconds=2)  # a streamed price is renewed this long before its end
GRACE = timedelta(seconds=10)  # the sweep leaves a quote this long
WAITING = {"RECEIVED", "PICKED_UP", "ON_HOLD"}


@dataclass
class Quote:
    key: object
    prices: dict[str, Decimal]
    notional: Decimal
    created: datetime
    expires: datetime
    status: str = "OPEN"
    good_until: datetime | None = None

    def may_be_hit(self, now: datetime) -> bool:
        """Whether an accept that is received now gets it."""
        if now >= self.expires:
            return False
        return self.status == "OPEN" or (self.status == "SUPERSEDED" and self.good_until is not None and now < self.good_until)

    def give_way(self, now: datetime, min_life: timedelta) -> None:
        """A newer price is out."""
        if now >= self.expires:
            self.status = "EXPIRED"
        else:
            self.status, self.good_until = "SUPERSEDED", min(self.expires, now + min_life)

    def refusal(self, now: datetime, *, taking: bool = True) -> str:
        """:param taking: only who takes it has the minimum life of a price that was replaced"""
        if self.status in {"ACCEPTED", "DECLINED", "COUNTERED"}:
            return "quote_answered"
        if self.status == "WITHDRAWN":
            return "quote_withdrawn"
        if now >= self.expires or self.status == "EXPIRED":
            return "quote_expired"
        if self.status == "SUPERSEDED" and not (taking and self.may_be_hit(now)):
            return "quote_superseded"
        return "ok"


@dataclass
class Rfq:
    key: object
    side: str
    size: Decimal
    respond_by: datetime
    day: date
    status: str
    owner: str | None = None
    stream: bool = False
    mid: Decimal = Decimal(0)  # that its last price was made at
    holds: dict[str, Decimal] = field(default_factory=dict)  # by line
    takes_off: Decimal = Decimal(0)  # of what the client has open: it holds nothing of a line for that
    dealt: Decimal = Decimal(0)  # bought by the client, or below zero sold
    quotes: list[Quote] = field(default_factory=list)

    def let_go(self) -> None:
        self.holds, self.takes_off = {}, Decimal(0)

    @property
    def last(self) -> Quote:
        return self.quotes[-1]


@dataclass
class Line:
    amount: Decimal
    breached: bool = False


PRE, DAY = "PRE_SETTLEMENT", "SETTLEMENT"  # the add-on of all that is open; the full value on each value date
HAIRCUT = D("0.10")


def wanted(notional: Decimal) -> dict[str, Decimal]:
    return {PRE: (notional * HAIRCUT).quantize(D("0.01"), ROUND_CEILING), DAY: notional.quantize(D("0.01"), ROUND_CEILING)}


@dataclass
class Desk:
    """One client that deals on credit, and all that it asked for."""

    lines: dict[str, Line]
    used: dict[tuple[str, date], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    halted: bool = False
    stopped_at: datetime | None = None  # when dealing was last stopped: what was quoted until then is dead, also once it goes on
    rfqs: list[Rfq] = field(default_factory=list)

    def reserved(self, line: str, day: date | None = None) -> Decimal:
        return sum((rfq.holds.get(line, D(0)) for rfq in self.rfqs if day in {None, rfq.day}), D(0))

    def dealt(self, line: str, day: date | None = None) -> Decimal:
        return sum((amount for (name, on), amount in self.used.items() if name == line and day in {None, on}), D(0))

    def taken(self, line: str, day: date) -> Decimal:
        on = day if line == DAY else None
        return self.reserved(line, on) + self.dealt(line, on)

    def take(self, rfq: Rfq, notional: Decimal, *, lower: bool) -> str:
        """Bring what a request holds to what a quote needs; what it has already is its own, unless it is let go first."""
        if any(line.breached for line in self.lines.values()):
            return "credit_breached"
        needs = wanted(notional)
        for name, amount in needs.items():
            own = rfq.holds.get(name, D(0))
            free = self.lines[name].amount - self.taken(name, rfq.day) + (own if lower else 0)
            more = amount if lower else amount - min(amount, own)
            if more > max(free, D(0)):
                return "credit_exceeded"
        if lower:
            rfq.let_go()
        rfq.holds = {name: amount if lower else max(amount, rfq.holds.get(name, D(0))) for name, amount in needs.items()}
        return "ok"

    def reduces(self, rfq: Rfq) -> bool:
        """Whether it only takes off what the client has open, and others do not take off already."""
        net = sum((one.dealt for one in self.rfqs), D(0))
        others = sum((one.takes_off for one in self.rfqs if one is not rfq), D(0))
        against = {"buy": -net, "sell": net}.get(rfq.side, D(0))
        return 0 < rfq.size <= against - others

    def set_line(self, name: str, amount: Decimal) -> None:
        """Cut below its use a line is in breach, until it is looked at again and covers it."""
        line, days = self.lines[name], {rfq.day for rfq in self.rfqs}
        line.amount = amount
        line.breached = any(self.taken(name, day) > amount for day in days)

    # --- the desk ---------------------------------------------------------------------------------------------------
    def owned(self, rfq: Rfq, who: str, allowed: set[str]) -> str:
        if rfq.status not in {*WAITING, "QUOTED"}:
            return "rfq_closed"
        if rfq.owner != who:
            return "not_owner"
        return "ok" if rfq.status in allowed else "rfq_closed"

    def pick_up(self, rfq: Rfq, who: str, now: datetime) -> str:
        if rfq.status in {*WAITING, "QUOTED"} and rfq.owner not in {None, who}:
            return "rfq_owned"
        if rfq.status != "RECEIVED" or now >= rfq.respond_by:
            return "rfq_closed"
        rfq.status, rfq.owner = "PICKED_UP", who
        return "ok"

    def take_over(self, rfq: Rfq, who: str) -> str:
        if rfq.owner is None or rfq.status not in {"PICKED_UP", "ON_HOLD", "QUOTED"}:
            return "rfq_closed"
        rfq.owner = who
        return "ok"

    def move(self, rfq: Rfq, who: str, before: str, after: str) -> str:
        code = self.owned(rfq, who, {before})
        if code == "ok":
            rfq.status = after
            rfq.owner = None if after == "RECEIVED" else who
        return code

    def hand_quote(self, rfq: Rfq, who: str, quote: Quote, now: datetime) -> str:
        code = self.owned(rfq, who, {"PICKED_UP", "QUOTED"})
        if code != "ok" or now >= rfq.respond_by:
            return code if code != "ok" else "rfq_closed"
        alive = any(q.status in {"OPEN", "SUPERSEDED"} and q.expires > now - GRACE for q in rfq.quotes)
        code = self.take(rfq, quote.notional, lower=not alive)
        if code == "credit_breached" and self.reduces(rfq):
            rfq.let_go()
            rfq.takes_off = rfq.size
        elif code != "ok":
            return code
        for old in rfq.quotes:
            if old.status == "OPEN":
                old.give_way(now, 0 * MS)  # a person's new price leaves the old one no time
        rfq.quotes.append(quote)
        rfq.status = "QUOTED"
        return "ok"

    def streams(self, rfq: Rfq, mid: Decimal, now: datetime) -> bool:
        """Whether a streamed request gets a new price now: another one, or the old one is about to end."""
        if not rfq.stream or rfq.status != "QUOTED" or rfq.owner is not None or self.halted or now + MS >= rfq.respond_by:
            return False
        return rfq.last.status != "OPEN" or mid != rfq.mid or rfq.last.expires - now < AHEAD

    def next_price(self, rfq: Rfq, quote: Quote, mid: Decimal, now: datetime) -> str:
        """The price before stays good for its minimum life; what is held for the request is never lowered."""
        code = self.take(rfq, quote.notional, lower=False)
        if code == "ok":
            for old in rfq.quotes:
                if old.status == "OPEN":
                    old.give_way(now, MIN_LIFE)
            rfq.quotes.append(quote)
            rfq.mid = mid
        return code

    def withdraw(self, rfq: Rfq, who: str, now: datetime) -> str:
        code = self.owned(rfq, who, {"QUOTED"})
        if code == "ok":
            self.end_live(rfq, now)
            rfq.status = "PICKED_UP"
            rfq.let_go()
        return code

    def reject(self, rfq: Rfq, who: str, now: datetime) -> str:
        code = self.owned(rfq, who, {*WAITING, "QUOTED"})
        if code == "ok":
            self.end(rfq, "REJECTED", now)
        return code

    # --- the client -------------------------------------------------------------------------------------------------
    def refusal(self, rfq: Rfq, quote: Quote, now: datetime, *, taking: bool = True) -> str:
        return "quote_answered" if rfq.status == "FILLED" else quote.refusal(now, taking=taking)

    def accept(self, rfq: Rfq, quote: Quote, side: str, price: Decimal, now: datetime) -> str:
        code = self.refusal(rfq, quote, now)
        if code != "ok":
            return code
        if self.halted or (self.stopped_at is not None and self.stopped_at >= quote.created):
            return "quote_withdrawn"
        if quote.prices.get(side) != price:
            return "price_mismatch"
        if quote.status == "SUPERSEDED":
            self.end_live(rfq, now, but=quote)  # the newer one; an older one than the newest lives out its time, and is answered
        quote.status, rfq.status = "ACCEPTED", "FILLED"
        rfq.dealt = rfq.size if side == "buy" else -rfq.size
        for name, amount in rfq.holds.items():
            self.used[name, rfq.day] += amount
        rfq.let_go()
        return "ok"

    def decline(self, rfq: Rfq, quote: Quote, now: datetime) -> str:
        code = self.refusal(rfq, quote, now, taking=False)
        if code == "ok":
            self.end_live(rfq, now, but=quote)
            quote.status, rfq.status = "DECLINED", "DECLINED"
            rfq.let_go()
        return code

    def counter(self, rfq: Rfq, quote: Quote, side: str, limit: Decimal, now: datetime) -> str:
        code = self.refusal(rfq, quote, now, taking=False)
        if code != "ok":
            return code
        quoted = quote.prices.get(side)
        if quoted is None:
            return "price_mismatch"
        if (limit >= quoted) if side == "buy" else (limit <= quoted):
            return "counter_not_better"
        self.end_live(rfq, now, but=quote)
        quote.status = "COUNTERED"
        rfq.let_go()
        rfq.status = "RECEIVED" if rfq.owner is None else "PICKED_UP"
        return "ok"

    def cancel(self, rfq: Rfq, now: datetime) -> str:
        if rfq.status not in {*WAITING, "QUOTED"}:
            return "rfq_closed"
        self.end(rfq, "CANCELLED", now)
        return "ok"

    # --- time -------------------------------------------------------------------------------------------------------
    def sweep(self, now: datetime) -> None:
        for rfq in self.rfqs:
            for quote in rfq.quotes:
                if quote.status in {"OPEN", "SUPERSEDED"} and quote.expires <= now - GRACE:
                    self.expire(rfq, quote, now)
        for rfq in self.rfqs:
            if rfq.status in WAITING and rfq.respond_by <= now:
                self.end(rfq, "EXPIRED", now)

    def expire(self, rfq: Rfq, quote: Quote, now: datetime) -> None:
        was_open = quote.status == "OPEN"
        quote.status = "EXPIRED"
        if was_open and rfq.status == "QUOTED":
            rfq.let_go()
            rfq.status = "PICKED_UP" if rfq.owner is not None and rfq.respond_by > now else "EXPIRED"

    def end(self, rfq: Rfq, status: str, now: datetime) -> None:
        self.end_live(rfq, now)
        rfq.status = status
        rfq.let_go()

    def end_live(self, rfq: Rfq, now: datetime, but: Quote | None = None) -> None:
        for quote in rfq.quotes:
            if quote is not but and (quote.status == "OPEN" or quote.may_be_hit(now)):
                quote.status = "WITHDRAWN" if now < quote.expires else "EXPIRED"
