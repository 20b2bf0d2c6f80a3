"""On what terms a client deals on one of its accounts: what can be agreed, read from a version, written into a request and out of it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, time
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from apps.clients.models import SettlementMode, Terms
from apps.core import money
from apps.core.errors import Rejected
from apps.instruments import queries as instruments
from apps.instruments.models import Book

from . import manage_members, newcomers

FEE_MODES = ("INCLUDED", "ADDED", "INVOICED")
MOST_LIFE_MS = 10_000
MOST_ASKED = 10**9  # of the numbers of fair use
_TIER = re.compile(r"[a-z][a-z0-9_-]{0,19}", re.ASCII)
_PLACES = {"auto_max_usd": 2, "auto_credit_share": 4}


class BadTerms(Rejected):
    """`pointer` names the field."""

    code, title = "bad_terms", "Terms cannot be so"


@dataclass(frozen=True, slots=True)
class ClientTerms:
    """Markup and fee in bps of the price; `auto_max_usd`: up to which a deal is priced by itself, as long as no more than
    `auto_credit_share` of the line is used. `min_life_ms`: how long a streamed price stays executable after a newer one.

    `netting`: the agreement under which what is due on a date is paid net at `cutoff` (wall time in `zone`); empty: gross. `close_out`:
    the one under which what deals cost to replace adds up net, from `close_out_date` on. `prehedge_consent`: where it is written that we
    may deal ahead of this client; empty: we may not. Fair use: judged from `fair_use_from` requests a day; fewer deals than one per
    `fair_use_soft` requests warn, than one per `fair_use_hard` stop (None: never).
    """

    entity: str
    book: str
    mode: str
    pairs: Sequence[str]
    auto_max_usd: Decimal
    tier: str = "standard"
    markup_bps: Decimal = money.ZERO
    fee_bps: Decimal = money.ZERO
    fee_mode: str = "INCLUDED"
    auto_credit_share: Decimal = Decimal(1)
    min_life_ms: int = 500
    fair_use_from: int = 1000
    fair_use_soft: int = 200
    fair_use_hard: int | None = None
    netting: str = ""
    cutoff: time = time(16, 0)
    zone: str = "Europe/London"
    silence_agrees: bool = True
    close_out: str = ""
    close_out_date: date | None = None
    safeguarded: bool = False
    prehedge_consent: str = ""

    @property
    def auto_credit_percent(self) -> Decimal:
        return self.auto_credit_share * 100


@dataclass(frozen=True, slots=True)
class Change:
    """Of one field, in words; of a first version `old` is empty."""

    field: str
    old: str
    new: str


def list_changes(versions: Sequence[Terms]) -> list[tuple[Terms, list[Change]]]:
    """Each version, the last one first as given, with what it says otherwise than the one before."""
    books = instruments.list_books_by_id({one.book_id for one in versions})
    said = [told(read(one, books[one.book_id])) for one in versions]
    out = []
    for n, terms in enumerate(versions):
        old = said[n + 1] if n + 1 < len(said) else None
        changes = [
            Change(field.replace("_", " "), "" if old is None else _words(old[field]) or "none", _words(value))
            for field, value in said[n].items()
            if (_words(value) if old is None else old[field] != value)
        ]
        out.append((terms, changes))
    return out


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)


def require_terms(terms: ClientTerms) -> None:
    """:raises BadTerms: `pointer` names the field"""
    newcomers.get_book(terms.entity, terms.book, bad=BadTerms)
    if terms.mode not in SettlementMode.values:
        raise BadTerms(f"one of {', '.join(SettlementMode.values)}", pointer="mode")
    known = {pair.code for pair in instruments.list_pairs()}
    if not terms.pairs or len(set(terms.pairs)) < len(terms.pairs) or not set(terms.pairs) <= known:
        raise BadTerms("one pair at least, of the list", pointer="pairs")
    if not _TIER.fullmatch(terms.tier):
        raise BadTerms("a tier such as standard", pointer="tier")
    newcomers.require_bps(terms.markup_bps, "markup_bps", least=-newcomers.MOST_BPS, bad=BadTerms)
    newcomers.require_bps(terms.fee_bps, "fee_bps", least=money.ZERO, bad=BadTerms)
    if terms.fee_mode not in FEE_MODES:
        raise BadTerms(f"one of {', '.join(FEE_MODES)}", pointer="fee_mode")
    for field, most in (("auto_max_usd", manage_members.MOST_USD), ("auto_credit_share", Decimal(1))):
        value = getattr(terms, field)
        if not value.is_finite() or not 0 <= value <= most or money.scale_of(value) > _PLACES[field]:
            raise BadTerms(f"from 0 to {most:f}, to {_PLACES[field]} decimals", pointer=field)
    if not 0 <= terms.min_life_ms <= MOST_LIFE_MS:
        raise BadTerms(f"0 to {MOST_LIFE_MS} ms", pointer="min_life_ms")
    _require_fair_use(terms)
    _require_papers(terms)


def _require_fair_use(terms: ClientTerms) -> None:
    for field in ("fair_use_from", "fair_use_soft", "fair_use_hard"):
        value = getattr(terms, field)
        if value is not None and not 1 <= value <= MOST_ASKED:
            raise BadTerms("requests, 1 at least", pointer=field)
    if terms.fair_use_hard is not None and terms.fair_use_hard < terms.fair_use_soft:
        raise BadTerms("no fewer requests than those of the warning", pointer="fair_use_hard")


def _require_papers(terms: ClientTerms) -> None:
    newcomers.require_agreement(terms.netting, bad=BadTerms)
    if terms.zone not in available_timezones():
        raise BadTerms("a zone such as Europe/London", pointer="zone")
    for field in ("close_out", "prehedge_consent"):
        text = getattr(terms, field)
        if len(text) > 80 or not text.isprintable():
            raise BadTerms("where it is written, in at most 80 characters", pointer=field)
    if bool(terms.close_out) != (terms.close_out_date is not None):
        raise BadTerms("the agreement and the day from which it holds, or neither", pointer="close_out_date")


def told(terms: ClientTerms) -> dict[str, Any]:
    """As a request writes them."""
    return {field.name: _write(getattr(terms, field.name)) for field in fields(terms)}


def _write(value: Any) -> Any:
    if isinstance(value, Decimal):
        return money.text(value)
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str | int | bool | None) else sorted(value)


_READ: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("auto_max_usd", "markup_bps", "fee_bps", "auto_credit_share"), Decimal),
    "cutoff": time.fromisoformat,
    "close_out_date": lambda text: None if text is None else date.fromisoformat(text),
}


def untold(asked: Mapping[str, Any]) -> ClientTerms:
    """What :func:`told` wrote."""
    return ClientTerms(**{name: _READ.get(name, lambda same: same)(value) for name, value in asked.items()})


def read(terms: Terms, book: Book | None = None) -> ClientTerms:
    """What a version says.

    :param book: its book with the entity, where that is known already
    """
    book = book or instruments.get_book_by_id(terms.book_id)
    entity = book.entity if book.entity_id == terms.entity_id else instruments.get_entity_by_id(terms.entity_id)
    same = ("mode", "tier", "markup_bps", "fee_bps", "fee_mode", "auto_max_usd", "auto_credit_share", "min_life_ms",
            "fair_use_from", "fair_use_soft", "fair_use_hard", "silence_agrees", "safeguarded", "prehedge_consent")  # fmt: skip
    return ClientTerms(
        entity=entity.code,
        book=book.code,
        pairs=tuple(sorted(terms.pairs)),
        netting=terms.netting_agreement if terms.payment_netting else "",
        cutoff=terms.netting_cutoff,
        zone=terms.netting_zone,
        close_out=terms.close_out_agreement if terms.close_out_netting else "",
        close_out_date=terms.close_out_date if terms.close_out_netting else None,
        **{field: getattr(terms, field) for field in same},
    )


def columns(terms: ClientTerms) -> dict[str, Any]:
    """What a version of them is made with."""
    book = newcomers.get_book(terms.entity, terms.book, bad=BadTerms)
    own = {"entity", "book", "netting", "cutoff", "zone", "close_out", "pairs"}
    return {field.name: getattr(terms, field.name) for field in fields(terms) if field.name not in own} | {
        "entity_id": book.entity_id,
        "book_id": book.id,
        "pairs": sorted(terms.pairs),
        "payment_netting": bool(terms.netting),
        "netting_agreement": terms.netting,
        "netting_cutoff": terms.cutoff,
        "netting_zone": terms.zone,
        "close_out_netting": bool(terms.close_out),
        "close_out_agreement": terms.close_out,
    }


def public(terms: Terms) -> dict[str, Any]:
    """As its client is told: what it agreed to, nothing of how it is priced."""
    said = read(terms)
    return {
        "version": terms.version,
        "mode": said.mode,
        "instruments": sorted(said.pairs),
        "fee_bps": money.text(said.fee_bps),
        "fee_mode": said.fee_mode,
        "min_life_ms": said.min_life_ms,
        "netting_agreement": said.netting,
        "netting_cutoff": f"{said.cutoff.isoformat('minutes')} {said.zone}",
        "silence_agrees": said.silence_agrees,
        "close_out_agreement": said.close_out,
        "close_out_date": None if said.close_out_date is None else said.close_out_date.isoformat(),
        "safeguarded": said.safeguarded,
        "prehedge_consent": said.prehedge_consent,
    }
