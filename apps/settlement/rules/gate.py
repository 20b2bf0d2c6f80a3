"""The release gate: a pure function from what is known to the list of blockers (operations.md). No Django."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Code(StrEnum):
    FROZEN = "FROZEN"
    SCREENING = "SCREENING"
    TRAVEL_RULE = "TRAVEL_RULE"
    SSI_MISSING = "SSI_MISSING"
    SSI_NOT_ACTIVE = "SSI_NOT_ACTIVE"
    SSI_COOLING = "SSI_COOLING"
    CLIENT_MONEY_SHORTFALL = "CLIENT_MONEY_SHORTFALL"
    RELEASE_STOPPED = "RELEASE_STOPPED"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    NOT_YET_DUE = "NOT_YET_DUE"
    PAST_CUTOFF = "PAST_CUTOFF"
    RAIL_DOWN = "RAIL_DOWN"
    NOT_AGREED = "NOT_AGREED"
    TRADE_DISPUTED = "TRADE_DISPUTED"
    UNAFFIRMED = "UNAFFIRMED"
    UNALLOCATED = "UNALLOCATED"
    AWAITING_THEIR_LEG = "AWAITING_THEIR_LEG"
    THEIR_LEG_PARTIAL = "THEIR_LEG_PARTIAL"
    NO_CREDIT = "NO_CREDIT"
    SETTLEMENT_LIMIT = "SETTLEMENT_LIMIT"
    COUNTERPARTY_OVERDUE = "COUNTERPARTY_OVERDUE"
    CLIENT_SUSPENDED = "CLIENT_SUSPENDED"
    KYC_OVERDUE = "KYC_OVERDUE"
    INSUFFICIENT_NOSTRO = "INSUFFICIENT_NOSTRO"
    OVER_RAIL_LIMIT = "OVER_RAIL_LIMIT"
    DUPLICATE_SUSPECTED = "DUPLICATE_SUSPECTED"
    EARLIER_ATTEMPT_LIVES = "EARLIER_ATTEMPT_LIVES"


C = Code
# Whose signature an override needs, beside the two of operations that a release has anyway. What is not here is HARD: nobody's.
OVERRIDDEN_BY: Mapping[Code, str] = {
    C.NOT_YET_DUE: "operations",
    C.PAST_CUTOFF: "operations",
    C.RAIL_DOWN: "operations",
    C.NOT_AGREED: "operations",
    C.TRADE_DISPUTED: "operations",
    C.UNAFFIRMED: "operations",
    C.UNALLOCATED: "operations",
    C.AWAITING_THEIR_LEG: "risk",
    C.THEIR_LEG_PARTIAL: "risk",
    C.NO_CREDIT: "risk",
    C.SETTLEMENT_LIMIT: "risk",
    C.COUNTERPARTY_OVERDUE: "risk",
    C.CLIENT_SUSPENDED: "compliance",
    C.KYC_OVERDUE: "compliance",
    C.INSUFFICIENT_NOSTRO: "operations",
    C.OVER_RAIL_LIMIT: "operations",
    C.DUPLICATE_SUSPECTED: "operations",
    C.EARLIER_ATTEMPT_LIVES: "risk",  # by what its rail says it would be paid twice
}
HARD = frozenset(set(Code) - set(OVERRIDDEN_BY))
DOUBTS = (C.TRADE_DISPUTED, C.UNAFFIRMED, C.UNALLOCATED)  # what may be doubtful about the deals that a payment is for


class TheirLeg(StrEnum):
    """How much of what the other side owes in the same set (or deal) is here."""

    NOT_AWAITED = "NOT_AWAITED"
    OPEN = "OPEN"
    PART = "PART"
    DONE = "DONE"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a release depends on, as read at one instant; amounts in units of the instruction's asset."""

    now: datetime
    today: date  # in the rail's zone
    due_date: date
    cutoff_at: datetime  # the rail's, of `today`
    rail_open: bool  # `today` is a good day for the asset
    rail_down: bool
    client_status: str  # the stricter of client and account; "" where no client is behind it
    needs_ssi: bool
    ssi_status: str | None
    ssi_cooling_until: datetime | None
    has_address: bool
    screening_hit: bool
    release_stopped: bool
    pending_approval: bool
    agreed: bool  # the net set is agreed, or there is none
    their_leg: TheirLeg
    amount: Decimal
    nostro_available: Decimal
    client_money_owed: Decimal  # Σ positive balances of safeguarded clients, after this payment
    client_money_kept: Decimal  # Σ nostros designated CLIENT, after this payment
    touches_client_money: bool
    is_chain: bool = False
    has_beneficiary: bool = True  # its name and address: what travels with a crypto transfer (FATF 16)
    travel: str = ""  # what keeps its travel-rule record from being complete and accepted
    doubts: frozenset[str] = field(default_factory=frozenset)  # of DOUBTS
    credit: str = ""  # "" where there is a line for it, or none is needed; NO_LINE, OVER it on this value date; OVERDRAWN of a withdrawal
    overdue: int = 0  # payments of this client that are late
    review_due: date | None = None  # of what we know about the client
    largest: Decimal | None = None  # that the rail takes in one payment
    twin: str = ""  # our reference of a payment of the same amount to the same place on the same day
    undead: str = ""  # of an earlier attempt at the same that has failed here and goes on at its rail


@dataclass(frozen=True, slots=True)
class Blocker:
    code: Code
    detail: str = ""

    @property
    def hard(self) -> bool:
        """Nobody overrides it."""
        return self.code in HARD

    def as_json(self) -> dict[str, str]:
        return {"code": str(self.code), "kind": "HARD" if self.hard else "SOFT", "detail": self.detail}


def blockers(f: Facts) -> list[Blocker]:
    """Why this payment may not leave now; an empty list opens the gate."""
    found: list[Blocker] = []

    def add(code: Code, when: bool, detail: str = "") -> None:
        if when:
            found.append(Blocker(code, detail))

    add(C.RELEASE_STOPPED, f.release_stopped)
    add(C.FROZEN, f.client_status == "FROZEN")
    add(C.CLIENT_SUSPENDED, f.client_status == "SUSPENDED")
    add(C.SCREENING, f.screening_hit)
    add(C.TRAVEL_RULE, f.is_chain and not (f.has_beneficiary and not f.travel), f.travel or "no beneficiary to name")
    add(C.PENDING_APPROVAL, f.pending_approval)
    if f.needs_ssi:
        add(C.SSI_MISSING, f.ssi_status is None)
        add(C.SSI_NOT_ACTIVE, f.ssi_status not in {None, "ACTIVE"}, f.ssi_status or "")
        cooling = f.ssi_cooling_until is not None and f.now < f.ssi_cooling_until
        add(C.SSI_COOLING, cooling, "" if f.ssi_cooling_until is None else f"until {f.ssi_cooling_until.isoformat()}")
    else:
        add(C.SSI_MISSING, not f.has_address, "no address to return it to")
    add(C.NOT_YET_DUE, f.today < f.due_date, f"due {f.due_date.isoformat()}")
    add(C.PAST_CUTOFF, not f.rail_open, f"closed on {f.today.isoformat()}")
    add(C.PAST_CUTOFF, f.rail_open and f.now >= f.cutoff_at, f"the cut-off was {f.cutoff_at.isoformat()}")
    add(C.RAIL_DOWN, f.rail_down)
    add(C.NOT_AGREED, not f.agreed)
    for code in DOUBTS:
        add(code, code in f.doubts)
    add(C.AWAITING_THEIR_LEG, f.their_leg is TheirLeg.OPEN)
    add(C.THEIR_LEG_PARTIAL, f.their_leg is TheirLeg.PART)
    add(C.NO_CREDIT, f.credit == "NO_LINE")
    add(C.NO_CREDIT, f.credit == "OVERDRAWN", "the balance does not cover what is set aside any more")
    add(C.SETTLEMENT_LIMIT, f.credit == "OVER", f"more is under way on {f.due_date.isoformat()} than the line carries")
    add(C.COUNTERPARTY_OVERDUE, f.overdue > 0, f"{f.overdue} late")
    add(C.KYC_OVERDUE, f.review_due is not None and f.review_due < f.today, f"the review was due {f.review_due}")
    add(C.OVER_RAIL_LIMIT, f.largest is not None and f.amount > f.largest, f"one payment is at most {f.largest}")
    add(C.DUPLICATE_SUSPECTED, bool(f.twin), f"as {f.twin}")
    add(C.EARLIER_ATTEMPT_LIVES, bool(f.undead), f"{f.undead} goes on at its rail")
    add(C.INSUFFICIENT_NOSTRO, f.amount > f.nostro_available, f"{f.nostro_available} available")
    short = f.touches_client_money and f.client_money_kept < f.client_money_owed
    add(C.CLIENT_MONEY_SHORTFALL, short, f"{f.client_money_kept} kept for {f.client_money_owed}")
    return found


def standing(found: list[Blocker], overridden: frozenset[str]) -> list[Blocker]:
    """The blockers that remain: a SOFT one may be overridden by name, a HARD one never."""
    return [b for b in found if b.hard or b.code not in overridden]


def needed(overridden: Iterable[str]) -> list[str]:
    """The roles that have to sign for these overrides beside operations, in order."""
    return sorted({OVERRIDDEN_BY[C(code)] for code in overridden} - {"operations"})
