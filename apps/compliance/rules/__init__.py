"""Names against lists, what monitoring speaks about (names.py); what has to travel with a transfer (ivms101.py)."""

from .names import (
    BPS,
    Finding,
    Thresholds,
    band_splitting,
    cancel_after_move,
    in_out_no_trade,
    late_booking,
    matches,
    off_market,
    pre_hedge_no_consent,
    same,
    ssi_change_before_payment,
    thresholds,
    tokens,
)

__all__ = [
    "BPS",
    "Finding",
    "Thresholds",
    "band_splitting",
    "cancel_after_move",
    "in_out_no_trade",
    "late_booking",
    "matches",
    "off_market",
    "pre_hedge_no_consent",
    "same",
    "ssi_change_before_payment",
    "thresholds",
    "tokens",
]
