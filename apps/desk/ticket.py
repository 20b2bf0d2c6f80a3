"""What a person typed into the quote ticket, read as the client's rate of each side."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest

from apps.core import money
from apps.core.errors import Conflict
from apps.desk.amounts import Unreadable, read, read_signed
from apps.desk.templatetags.desk import amount, rounded
from apps.pricing.rules import Composite, Side
from apps.pricing.rules.margin import Margin, cost_of, rate_for_margin, rate_for_profit, to_tick

FIELDS = ("rate", "margin", "profit")
LOCKS = ("margin", "rate")
FAR = 100  # a rate this many times above or below the book's is no price of the pair


class NotWorkedOut(Conflict):
    """A margin or profit was typed and not yet turned into a rate: what would be sent is not what is seen."""

    code, title = "not_worked_out", "Look at the rate first"


@dataclass(frozen=True, slots=True)
class Size:
    """One side's size for working out: `quantity` in base, and what it costs in the book, for one unit."""

    side: Side
    quantity: Decimal
    cost: Decimal
    tick: Decimal


@dataclass(frozen=True, slots=True)
class Row:
    """One side of the form as it is shown; `shown` comes back with it and tells what was typed since.

    `locked` is the margin to keep, exact: the one shown is what the rate earns, which a tick has moved.
    """

    side: Side
    rate: str
    margin: str
    profit: str
    locked: str

    @property
    def shown(self) -> str:
        return "|".join((self.rate, self.margin, self.profit, self.locked))


def size_of(side: Side, *, quantity: Decimal | None, quote_quantity: Decimal | None, depth: Composite, tick: Decimal) -> Size:
    """
    :raises PriceUnavailable: a side of the book is empty
    """
    base = quantity if quantity is not None else (quote_quantity or Decimal(0)) / depth.mid
    return Size(side, base, cost_of(depth.asks if side is Side.BUY else depth.bids, base), tick)


def rate_of(form: Mapping[str, str], size: Size, lock: str) -> Decimal | None:
    """The client's rate: out of the field that was typed into, else out of the locked one; None while nothing is there.

    :raises Unreadable: the field holds no number, or no price of this pair
    """
    typed, changed = _typed(form, size.side), _changed(form, size.side)
    basis = changed[0] if changed else lock
    text = _locked(form, size.side) if basis == "margin" and not changed else typed[basis]
    if not text:
        return None
    name = f"{basis} of the {'ask' if size.side is Side.BUY else 'bid'}"
    if basis == "rate":
        rate = to_tick(size.side, read(text, name), size.tick)
    elif basis == "margin":
        rate = rate_for_margin(size.side, cost=size.cost, bps=read_signed(text, name), tick=size.tick)
    else:
        rate = rate_for_profit(size.side, cost=size.cost, profit=read_signed(text, name), quantity=size.quantity, tick=size.tick)
    if not size.cost / FAR < rate < size.cost * FAR:
        raise Unreadable(f"{name}: {amount(rate)} is no price where the book is at {rounded(size.cost)}", pointer=name)
    return rate


def row_of(form: Mapping[str, str], margin: Margin) -> Row:
    """The row of a rate that was worked out of `form`; the locked margin is the one typed, kept, or what the rate now earns."""
    typed, changed = _typed(form, margin.side), _changed(form, margin.side)
    if changed[:1] == ["margin"]:
        locked = typed["margin"]
    else:
        locked = "" if changed else _locked(form, margin.side)
    earned = money.text(money.round_down(margin.bps, 6))  # down: its rate, rounded to the tick again, is this one
    return Row(margin.side, amount(margin.rate), rounded(margin.bps), rounded(margin.profit), locked or earned)


def kept(form: Mapping[str, str]) -> dict[str, str]:
    """What was typed, to go through a moment without a price."""
    return {name: text for name, text in form.items() if name.partition("_")[0] in {*FIELDS, "shown", "lock"}}


def sent_rate(form: Mapping[str, str], size: Size) -> Decimal:
    """The rate that was in sight when the form was sent.

    :raises NotWorkedOut: a margin or profit was typed after it was worked out
    :raises Unreadable: there is no rate
    """
    changed = _changed(form, size.side)
    if changed and changed[0] != "rate":
        raise NotWorkedOut("the margin or profit was changed: the rate now follows it; look at it and send again")
    rate = rate_of(form, size, "rate")
    if rate is None:
        raise Unreadable("a rate for each side that was asked for", pointer="rate")
    return rate


def _locked(form: Mapping[str, str], side: Side) -> str:
    return form.get(f"shown_{side}", "").split("|")[-1].strip() if form.get(f"shown_{side}", "").count("|") == len(FIELDS) else ""


def _typed(form: Mapping[str, str], side: Side) -> dict[str, str]:
    return {name: form.get(f"{name}_{side}", "").strip() for name in FIELDS}


def _changed(form: Mapping[str, str], side: Side) -> list[str]:
    shown = form.get(f"shown_{side}", "").split("|")
    typed = _typed(form, side)
    return [name for name, was in zip_longest(FIELDS, shown[: len(FIELDS)], fillvalue="") if typed[name] != was]
