"""Who owes what when, and how it gets paid: the moves of domain.md."""

from enum import StrEnum

from apps.core.states import Machine


class ObligationStatus(StrEnum):
    OPEN = "OPEN"
    NETTED = "NETTED"
    INSTRUCTED = "INSTRUCTED"
    PART_SETTLED = "PART_SETTLED"
    SETTLED = "SETTLED"
    CANCELLED = "CANCELLED"
    CLOSED_OUT = "CLOSED_OUT"


class NetSetStatus(StrEnum):
    FROZEN = "FROZEN"
    AGREED = "AGREED"
    DISPUTED = "DISPUTED"
    ABORTED = "ABORTED"
    SETTLING = "SETTLING"
    SETTLED = "SETTLED"
    CLOSED_OUT = "CLOSED_OUT"


class NetLegStatus(StrEnum):
    OPEN = "OPEN"
    INSTRUCTED = "INSTRUCTED"
    PART_SETTLED = "PART_SETTLED"
    SETTLED = "SETTLED"
    CLOSED_OUT = "CLOSED_OUT"


class InstructionStatus(StrEnum):
    DRAFT = "DRAFT"
    READY = "READY"
    BLOCKED = "BLOCKED"
    RELEASED = "RELEASED"
    SENDING = "SENDING"
    UNKNOWN = "UNKNOWN"
    SENT = "SENT"
    SETTLED = "SETTLED"
    FAILED = "FAILED"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"
    EXPECTED = "EXPECTED"
    PART_RECEIVED = "PART_RECEIVED"
    RECEIVED = "RECEIVED"
    SPLIT = "SPLIT"  # released as a whole, over what its rail takes at once: its parts are paid


class ReceiptStatus(StrEnum):
    SEEN = "SEEN"
    FINAL = "FINAL"
    CLEARED = "CLEARED"
    MATCHED = "MATCHED"
    DROPPED = "DROPPED"
    QUARANTINED = "QUARANTINED"
    RETURN_DUE = "RETURN_DUE"
    RETURNED = "RETURNED"
    FROZEN = "FROZEN"
    REVERTED = "REVERTED"


class DepositStatus(StrEnum):
    EXPECTED = "EXPECTED"
    CREDITED = "CREDITED"
    CANCELLED = "CANCELLED"
    REVERSED = "REVERSED"


class WithdrawalStatus(StrEnum):
    REQUESTED = "REQUESTED"
    CLIENT_APPROVED = "CLIENT_APPROVED"
    HELD = "HELD"
    INSTRUCTED = "INSTRUCTED"
    SETTLED = "SETTLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


class AdjustmentKind(StrEnum):
    """What is owed and is no trade."""

    REBATE = "REBATE"
    COMPENSATION = "COMPENSATION"
    LATE_INTEREST = "LATE_INTEREST"
    CHARGE = "CHARGE"
    COMMISSION = "COMMISSION"
    WRITE_OFF = "WRITE_OFF"
    CLOSE_OUT = "CLOSE_OUT"
    FEES = "FEES"  # invoiced with deals, and billed by themselves


class AdjustmentStatus(StrEnum):
    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    BOOKED = "BOOKED"
    SETTLED = "SETTLED"
    REJECTED = "REJECTED"
    REVERSED = "REVERSED"


class HouseTransferStatus(StrEnum):
    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    INSTRUCTED = "INSTRUCTED"
    IN_TRANSIT = "IN_TRANSIT"
    SETTLED = "SETTLED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class ReplacementStatus(StrEnum):
    """A transaction that is to take the place of one that hangs on its chain."""

    READY = "READY"
    SENDING = "SENDING"
    UNKNOWN = "UNKNOWN"
    SENT = "SENT"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"


H = HouseTransferStatus
A = AdjustmentStatus
O, N, L, P, R, D, W = ObligationStatus, NetSetStatus, NetLegStatus, InstructionStatus, ReceiptStatus, DepositStatus, WithdrawalStatus  # noqa: E741

OBLIGATION = Machine(
    {
        O.OPEN: {O.NETTED, O.INSTRUCTED, O.CANCELLED, O.SETTLED, O.CLOSED_OUT},
        O.NETTED: {O.OPEN, O.SETTLED, O.CLOSED_OUT},
        O.INSTRUCTED: {O.PART_SETTLED, O.SETTLED, O.OPEN, O.CLOSED_OUT},
        O.PART_SETTLED: {O.SETTLED, O.OPEN, O.CLOSED_OUT},
        O.SETTLED: {O.NETTED, O.PART_SETTLED, O.OPEN},
        O.CANCELLED: set(),
        O.CLOSED_OUT: set(),
    },
    first={O.OPEN, O.SETTLED},  # a prefunded deal settles as it is booked
)
NET_SET = Machine(
    {
        N.FROZEN: {N.AGREED, N.DISPUTED, N.ABORTED, N.SETTLING},
        N.AGREED: {N.SETTLING, N.ABORTED},
        N.DISPUTED: {N.AGREED, N.ABORTED, N.SETTLING},
        N.ABORTED: set(),
        N.SETTLING: {N.SETTLED, N.CLOSED_OUT},
        N.SETTLED: {N.SETTLING},
        N.CLOSED_OUT: set(),
    }
)
NET_LEG = Machine(
    {
        L.OPEN: {L.INSTRUCTED, L.SETTLED, L.CLOSED_OUT},
        L.INSTRUCTED: {L.PART_SETTLED, L.SETTLED, L.OPEN, L.CLOSED_OUT},
        L.PART_SETTLED: {L.SETTLED, L.OPEN, L.CLOSED_OUT},
        L.SETTLED: {L.OPEN},
        L.CLOSED_OUT: set(),
    }
)
INSTRUCTION = Machine(
    {
        P.DRAFT: {P.READY, P.CANCELLED},
        P.READY: {P.BLOCKED, P.RELEASED, P.CANCELLED},
        P.BLOCKED: {P.READY, P.CANCELLED},
        P.RELEASED: {P.READY, P.BLOCKED, P.SENDING, P.SPLIT},
        P.SENDING: {P.UNKNOWN, P.SENT, P.FAILED},
        P.UNKNOWN: {P.SENT, P.FAILED},
        P.SENT: {P.SETTLED, P.FAILED, P.RETURNED},
        P.SETTLED: {P.RETURNED, P.SENT},  # SENT: its chain took the transaction back, and one of the same nonce may still confirm
        P.FAILED: set(),
        P.RETURNED: set(),
        P.CANCELLED: set(),
        P.EXPECTED: {P.PART_RECEIVED, P.RECEIVED, P.CANCELLED},
        P.PART_RECEIVED: {P.RECEIVED, P.EXPECTED, P.CANCELLED},
        P.RECEIVED: {P.EXPECTED},
        P.SPLIT: {P.READY, P.CANCELLED},  # recalled before any part left; closed out
    },
    first={P.DRAFT, P.EXPECTED},
)
RECEIPT = Machine(
    {
        R.SEEN: {R.FINAL, R.DROPPED},
        R.FINAL: {R.CLEARED, R.QUARANTINED, R.REVERTED},
        R.CLEARED: {R.MATCHED, R.REVERTED, R.FROZEN},  # FROZEN: its client was frozen before it was credited
        R.MATCHED: {R.CLEARED, R.REVERTED},
        R.DROPPED: set(),
        R.QUARANTINED: {R.CLEARED, R.RETURN_DUE, R.FROZEN},
        R.RETURN_DUE: {R.RETURNED},
        R.RETURNED: set(),
        R.FROZEN: {R.CLEARED, R.RETURN_DUE},
        R.REVERTED: set(),
    }
)
DEPOSIT = Machine({D.EXPECTED: {D.CREDITED, D.CANCELLED}, D.CREDITED: {D.REVERSED}, D.CANCELLED: set(), D.REVERSED: set()})
WITHDRAWAL = Machine(
    {
        W.REQUESTED: {W.CLIENT_APPROVED, W.CANCELLED, W.REJECTED},
        W.CLIENT_APPROVED: {W.HELD, W.CANCELLED, W.REJECTED},
        W.HELD: {W.INSTRUCTED, W.CANCELLED, W.REJECTED},
        W.INSTRUCTED: {W.SETTLED, W.HELD},
        W.SETTLED: {W.HELD},
        W.CANCELLED: set(),
        W.REJECTED: set(),
    }
)
ADJUSTMENT = Machine(
    {
        A.REQUESTED: {A.APPROVED, A.REJECTED},
        A.APPROVED: {A.BOOKED},
        A.BOOKED: {A.SETTLED, A.REVERSED},
        A.SETTLED: {A.BOOKED},  # its payment came back: as its obligation does
        A.REJECTED: set(),
        A.REVERSED: set(),
    }
)
HOUSE_TRANSFER = Machine(
    {
        H.REQUESTED: {H.APPROVED, H.CANCELLED},
        H.APPROVED: {H.INSTRUCTED, H.CANCELLED},
        H.INSTRUCTED: {H.IN_TRANSIT, H.FAILED},
        H.IN_TRANSIT: {H.SETTLED, H.FAILED},
        H.SETTLED: {H.IN_TRANSIT, H.FAILED},  # its receipt was taken back
        H.CANCELLED: set(),
        H.FAILED: set(),
    }
)

E = ReplacementStatus
REPLACEMENT = Machine(
    {
        E.READY: {E.SENDING, E.CANCELLED},  # CANCELLED: the payment ended, or must not be sped up any more
        E.SENDING: {E.SENT, E.UNKNOWN, E.REFUSED},
        E.UNKNOWN: {E.SENT, E.REFUSED},
        E.SENT: set(),
        E.REFUSED: set(),
        E.CANCELLED: set(),
    }
)

# What a client still has to do with, or waits for: the rest is history.
OPEN_OBLIGATION = (O.OPEN, O.NETTED, O.INSTRUCTED, O.PART_SETTLED)
OPEN_NET_SET = (N.FROZEN, N.AGREED, N.DISPUTED, N.SETTLING)
AWAITED_INSTRUCTION = (P.EXPECTED, P.PART_RECEIVED)  # a client's, not here in full
CLOSED_INSTRUCTION = (P.SETTLED, P.RETURNED, P.CANCELLED, P.RECEIVED)
ENDED_PART = (P.FAILED, P.RETURNED, P.CANCELLED)  # it pays nothing of its whole any more
OPEN_DEPOSIT = (D.EXPECTED,)
OPEN_WITHDRAWAL = (W.REQUESTED, W.CLIENT_APPROVED, W.HELD, W.INSTRUCTED)


class CommissionBasis(StrEnum):
    """Of what an introducer gets its rate."""

    QUOTE_BPS = "QUOTE_BPS"  # basis points of the quote amount
    MARGIN_SHARE = "MARGIN_SHARE"  # percent of the sales margin
