"""Name matching against a list: exact on normalised tokens, in any order. A vendor's matcher plugs in by settings.SCREENING.

And the rules of monitoring: pure, out of facts that others read.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from apps.compliance.states import AlertRule

_LEGAL = {"ltd", "limited", "llc", "inc", "plc", "gmbh", "ag", "sa", "sarl", "bv", "nv", "co", "corp", "the", "ооо", "ао", "пао", "зао"}
_ACCENT = 10  # combining classes from here on are accents, points and tones; those below make another letter (kana, Indic)
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")  # scripts whose words have no blanks between them


@lru_cache(maxsize=65_536)  # a list's names are looked at again for each name that is screened
def tokens(name: str) -> frozenset[str]:
    """Words of any script, case folded, without accents, punctuation, invisible characters and legal forms (where more is left)."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    kept = [c for c in plain if unicodedata.combining(c) < _ACCENT and unicodedata.category(c) != "Cf"]
    words = frozenset("".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in kept).split())
    return words - _LEGAL or words


def same(one: str, other: str) -> bool:
    """Whether two names are one by their words; a name without any is like no other."""
    words = tokens(one)
    return bool(words) and words == tokens(other)


def matches(name: str, listed: Iterable[str]) -> list[str]:
    """The listed names whose words are all in `name`; where words have no blanks between them, anywhere in it."""
    mine = tokens(name)
    return [entry for entry in listed if (theirs := tokens(entry)) and all(_is_in(word, mine) for word in theirs)]


def _is_in(word: str, words: frozenset[str]) -> bool:
    if word in words or len(word) == 1:
        return word in words
    return any(unicodedata.name(c, "").startswith(_UNSPACED) for c in word) and any(word in one for one in words)


BPS = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says: about what, and why. `cause` is what it speaks about once."""

    rule: AlertRule
    cause: str
    why: str
    subject_type: str
    subject_id: UUID
    client_id: UUID | None = None
    client_name: str = ""


# --- monitoring: one rule a function, out of facts; what it says is why, or nothing ---------------------------------------
@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on a rule speaks; set by settings.MONITORING, whose members are these names. Amounts in USD.

    Source of the scenarios: FATF red flags for virtual assets (2020), ESMA's market-abuse indicators (MAR, Annex I), FX Global Code 11.
    """

    off_market_bps: Decimal = Decimal(200)  # of a deal's price from the mid it was dealt at
    late_minutes: int = 15  # from the agreement to the booking
    move_bps: Decimal = Decimal(100)  # of the market between a deal and its cancellation
    split_minutes: int = 10  # within which deals of one account, pair and side belong together
    split_deals: int = 3
    in_out_days: int = 3  # from the deposit to the withdrawal
    in_out_share: Decimal = Decimal("0.8")  # of the withdrawal that the deposits make up
    ssi_days: int = 7  # from the change of a settlement instruction to a payment on it
    least_usd: Decimal = Decimal(10_000)  # under which money in and out, and payments on a new instruction, are left alone


def thresholds(given: Mapping[str, object]) -> Thresholds:
    """
    :raises ValueError: no such threshold, or none above zero
    """
    if not isinstance(given, Mapping):
        raise ValueError("thresholds by name")
    known = {f.name: f.type for f in fields(Thresholds)}
    out: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"no threshold {name}")
        try:
            number = Decimal(str(value))
        except ArithmeticError:
            raise ValueError(f"{name} is a number") from None
        if not number.is_finite() or number <= 0:
            raise ValueError(f"{name} is above zero")
        out[name] = number if known[name] is Decimal else int(number)
    return Thresholds(**out)


def off_market(*, price: Decimal, mid: Decimal | None, limit: Thresholds) -> str:
    """A deal far from the market of its moment."""
    if not mid:
        return ""
    away = abs(price - mid) * BPS / mid
    return f"{away:.1f} bp from the mid of {mid:f}" if away > limit.off_market_bps else ""


def late_booking(*, agreed_at: datetime | None, booked_at: datetime, limit: Thresholds) -> str:
    """A deal by voice or chat that was written down long after it was agreed."""
    if agreed_at is None or booked_at - agreed_at <= timedelta(minutes=limit.late_minutes):
        return ""
    return f"booked {int((booked_at - agreed_at).total_seconds() // 60)} minutes after it was agreed"


def cancel_after_move(*, mid: Decimal | None, now: Decimal | None, limit: Thresholds) -> str:
    """A deal that was taken back after the market had moved away from it."""
    if not mid or not now:
        return ""
    moved = (now - mid) * BPS / mid
    return f"the market had moved {moved:+.1f} bp since it was dealt" if abs(moved) > limit.move_bps else ""


def band_splitting(*, amounts: Sequence[Decimal], band: Decimal, limit: Thresholds) -> str:
    """Deals one after the other, each within the band that is quoted without a person, and past it together.

    :param amounts: of one account, pair and side within `split_minutes`, in USD
    :param band: what the account is quoted automatically, in USD
    """
    if len(amounts) < limit.split_deals or any(one > band for one in amounts) or sum(amounts) <= band:
        return ""
    return f"{len(amounts)} deals of {sum(amounts):.2f} USD together, each within the {band:.2f} USD quoted without a person"


def in_out_no_trade(*, deposited: Decimal, withdrawn: Decimal, usd: Decimal | None, trades: int, limit: Thresholds) -> str:
    """Money that comes and goes again with no deal between.

    :param deposited: credited in the asset within `in_out_days` before the withdrawal
    :param usd: what one unit is worth; unknown counts as much
    """
    if trades or deposited <= 0 or deposited < withdrawn * limit.in_out_share:
        return ""
    if usd is not None and withdrawn * usd < limit.least_usd:
        return ""
    return f"{deposited:f} came within {limit.in_out_days} days before, and nothing was dealt"


def ssi_change_before_payment(
    *, since: datetime | None, paid_at: datetime, had_another: bool, amount: Decimal, usd: Decimal | None, limit: Thresholds
) -> str:
    """A payment to where the client has only just moved its money.

    :param since: when the instruction that is paid on was proposed
    :param had_another: whether the account had one for the asset before
    """
    if since is None or not had_another or paid_at - since > timedelta(days=limit.ssi_days):
        return ""
    if usd is not None and amount * usd < limit.least_usd:
        return ""
    return f"paid where the client has only been paid since {since.date().isoformat()}"


def pre_hedge_no_consent(*, requests: Sequence[str], has_link: bool) -> str:
    """A hedge while a client who has not agreed to pre-hedging waits for a price of the same asset, way and size.

    :param requests: those of such clients, open when it was dealt
    :param has_link: it covers a deal, or is an agreed pre-hedge
    """
    return "" if has_link or not requests else f"dealt while {', '.join(requests)} waited for a price, without consent to pre-hedging"
