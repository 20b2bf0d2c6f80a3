"""The rows that documents are made of, as queries read them."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Issuer:
    """Our booking entity, as it stands on its documents."""

    code: str
    name: str
    lei: str
    currency: str


@dataclass(frozen=True, slots=True)
class BlotterRow:
    """One deal as it is now. Client deals in the client's eyes, hedges in ours; `margin` is what the client paid over the trader's rate."""

    deal: str
    kind: str
    status: str
    version: int
    booked_at: datetime
    trade_date: date
    value_date: date
    counterparty: str
    account: str
    pair: str
    side: str
    quantity: Decimal
    base: str
    price: Decimal
    quote_quantity: Decimal
    quote: str
    fee: Decimal
    pays: Decimal
    pays_asset: str
    receives: Decimal
    receives_asset: str
    reference_mid: Decimal | None
    margin: Decimal | None
    source: str
    reference: str
    covers: str
    settlement: str


@dataclass(frozen=True, slots=True)
class PositionRow:
    """Net open position of one asset over a business date, long positive, in units of it; `have` is the identity's other side."""

    asset: str
    scale: int
    opening: Decimal
    client_deals: Decimal
    hedges: Decimal
    other: Decimal
    closing: Decimal
    have: Decimal


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose statement it is."""

    client_code: str
    client_name: str
    client_lei: str
    country: str
    account_code: str
    account_name: str
    mode: str


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of what we owe the account (positive: in its favour), or, with no `kind`, the balance of an asset before the date."""

    asset: str
    at: datetime | None
    kind: str
    reference: str
    narrative: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Charged:
    """One thing an account was charged; `amount` positive: the client pays."""

    on: date
    reference: str
    kind: str
    description: str
    asset: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class OpenObligation:
    deal: str
    value_date: date
    direction: str  # ours: PAY or RECEIVE
    asset: str
    amount: Decimal
    outstanding: Decimal
    status: str
