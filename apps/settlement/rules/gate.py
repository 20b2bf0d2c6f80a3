"""The release gate: a pure function from what is known to the list of blockers (operations.md). No Django."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Code(StrEnum):
    FROZEN = "FROZEN"
    SCREENING = "SCREENING"
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
    AWAITING_THEIR_LEG = "AWAITING_THEIR_LEG"
    THEIR_LEG_PARTIAL = "THEIR_LEG_PARTIAL"
    CLIENT_SUSPENDED = "CLIENT_SUSPENDED"
    INSUFFICIENT_NOSTRO = "INSUFFICIENT_NOSTRO"


C = Code
HARD = frozenset(
    {C.FROZEN, C.SCREENING, C.SSI_MISSING, C.SSI_NOT_ACTIVE, C.SSI_COOLING, C.CLIENT_MONEY_SHORTFALL, C.RELEASE_STOPPED, C.PENDING_APPROVAL}
)


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
    add(C.AWAITING_THEIR_LEG, f.their_leg is TheirLeg.OPEN)
    add(C.THEIR_LEG_PARTIAL, f.their_leg is TheirLeg.PART)
    add(C.INSUFFICIENT_NOSTRO, f.amount > f.nostro_available, f"{f.nostro_available} available")
    short = f.touches_client_money and f.client_money_kept < f.client_money_owed
    add(C.CLIENT_MONEY_SHORTFALL, short, f"{f.client_money_kept} kept for {f.client_money_owed}")
    return found


def standing(found: list[Blocker], overridden: frozenset[str]) -> list[Blocker]:
    """The blockers that remain: a SOFT one may be overridden by name, a HARD one never."""
    return [b for b in found if b.hard or b.code not in overridden]
