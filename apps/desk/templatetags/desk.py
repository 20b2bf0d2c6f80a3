"""How amounts, times, ids and states look on every screen."""

from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID, uuid5

from django import template
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core import ids, money
from apps.desk.reasons import explain
from apps.rfqs.rules import FLAGS

register = template.Library()

# Of a state: tone, icon. Colour never speaks alone.
LOOKS = {
    "RECEIVED": ("warn", "hourglass_top"), "PICKED_UP": ("info", "person"), "ON_HOLD": ("warn", "pause_circle"),
    "QUOTED": ("info", "sell"), "FILLED": ("good", "handshake"), "CANCELLED": ("mute", "cancel"), "DECLINED": ("mute", "thumb_down"),
    "REJECTED": ("bad", "block"), "EXPIRED": ("mute", "timer_off"), "OPEN": ("info", "radio_button_unchecked"),
    "ACCEPTED": ("good", "handshake"), "WITHDRAWN": ("warn", "undo"), "SUPERSEDED": ("mute", "layers"),
    "COUNTERED": ("info", "swap_horiz"), "ACTIVE": ("good", "check_circle"), "NETTED": ("info", "merge"),
    "INSTRUCTED": ("info", "send"), "PART_SETTLED": ("warn", "clock_loader_40"), "SETTLED": ("good", "check_circle"),
    "CLOSED_OUT": ("bad", "gavel"), "FROZEN": ("info", "ac_unit"), "AGREED": ("good", "thumb_up"), "DISPUTED": ("bad", "report"),
    "ABORTED": ("mute", "cancel"), "SETTLING": ("info", "sync"), "DRAFT": ("mute", "draft"), "READY": ("warn", "task_alt"),
    "BLOCKED": ("bad", "lock"), "RELEASED": ("info", "lock_open"), "SENDING": ("info", "sync"), "UNKNOWN": ("bad", "help"),
    "SENT": ("info", "send"), "FAILED": ("bad", "error"), "RETURNED": ("bad", "keyboard_return"), "EXPECTED": ("mute", "schedule"),
    "PART_RECEIVED": ("warn", "clock_loader_40"), "MATCHED": ("good", "link"), "CLEARED": ("info", "verified"),
    "SEEN": ("mute", "visibility"), "FINAL": ("info", "flag"), "QUARANTINED": ("bad", "shield"),
    "RETURN_DUE": ("warn", "keyboard_return"), "REVERTED": ("bad", "undo"), "REQUESTED": ("warn", "hourglass_top"),
    "APPROVED": ("good", "thumb_up"), "EXECUTED": ("good", "check_circle"), "STALE": ("mute", "update_disabled"),
    "DEGRADED": ("bad", "cloud_off"), "DISABLED": ("mute", "power_settings_new"), "PENDING": ("info", "schedule"),
    "RETRYING": ("warn", "replay"),
    "LATE": ("bad", "alarm"), "UNCONFIRMED": ("warn", "hourglass_top"), "CONFIRMED": ("good", "task_alt"),
    "DUE": ("mute", "schedule"), "AFFIRMED": ("good", "thumb_up"), "UPHELD": ("good", "gavel"),
    "PROPOSED": ("info", "call_split"), "PLANNED": ("info", "schedule"), "REPLACED": ("mute", "layers"), "DONE": ("good", "task_alt"),
    "ESCALATED": ("warn", "priority_high"), "REPORTED": ("bad", "gavel"), "LAPSED": ("mute", "timer_off"), "REFUSED": ("bad", "block"),
    "REVERSED": ("mute", "undo"),
    "RESOLVED": ("good", "task_alt"), "WRITTEN_OFF": ("warn", "ink_eraser"), "CLOSING": ("warn", "hourglass_top"),
    "CLOSED": ("good", "lock"), "LOCKED": ("good", "lock"), "BREAK": ("bad", "link_off"), "HELD": ("warn", "lock"),
    "SPLIT": ("info", "call_split"), "STUCK": ("bad", "hourglass_empty"), "PENDING_APPROVAL": ("warn", "hourglass_top"),
    "BROADCAST": ("info", "send"),
}  # fmt: skip
_DONE = {"RECEIVED": ("good", "check_circle")}  # a receipt's, not a request's


@register.filter
def amount(value: Any, places: int = 2) -> str:
    """Grouped by thousands, at least `places` decimals, more only where it has them."""
    if value is None or value == "":
        return "–"
    number = Decimal(value)
    return f"{number.quantize(money.quantum(max(places, money.scale_of(number)))):,f}"


@register.filter
def rounded(value: Any, places: int = 2) -> str:
    """Grouped and rounded to exactly `places` decimals: for figures that only inform."""
    if value is None or value == "":
        return "–"
    out = Decimal(value).quantize(money.quantum(places), rounding=ROUND_HALF_EVEN)
    return f"{out if out else money.ZERO.quantize(money.quantum(places)):,f}"


@register.filter
def fine(value: Any) -> str:
    """A rate that only informs: seven significant digits, at least two decimals."""
    if value is None or value == "":
        return "–"
    return rounded(value, max(2, 6 - Decimal(value).adjusted()) if value else 2)


@register.filter
def short(value: Any) -> str:
    """12,345,678 → 12.35m: for tiles."""
    if value is None:
        return "–"
    number = Decimal(value)
    for size, unit in ((Decimal(10**9), "bn"), (Decimal(10**6), "m"), (Decimal(10**3), "k")):
        if abs(number) >= size:
            return f"{rounded(number / size)}{unit}"
    return rounded(number)


@register.filter
def percent(share: Decimal) -> str:
    """0.105 → 10.5"""
    return money.text(share * 100)


@register.filter
def tone(value: Any) -> str:
    """The class of a signed figure."""
    return "" if not value else "neg" if Decimal(value) < 0 else "pos"


@register.filter
def wire(value: UUID | None, prefix: str) -> str:
    return "" if value is None else ids.encode(prefix, value)


@register.simple_tag
def copy_id(prefix: str, value: UUID | None) -> str | SafeString:
    """The id as clients see it, shortened, with a button that copies the whole."""
    if value is None:
        return "–"
    whole = ids.encode(prefix, value)
    return copy_text(whole, f"{prefix}_…{whole[-6:]}")


@register.simple_tag
def copy_text(whole: str, shown: str = "") -> SafeString:
    return format_html(
        '<button type="button" class="copy" data-copy="{}" title="Copy {}"><code>{}</code>{}</button>',
        whole, whole, shown or whole, icon("content_copy"),
    )  # fmt: skip


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html('<span class="icon" aria-hidden="true">{}</span>', name)


@register.simple_tag
def status(value: str | None, direction: str = "") -> str | SafeString:
    """A state as colour, icon and word."""
    if not value:
        return "–"
    look, symbol = (_DONE if direction == "RECEIVE" else {}).get(value) or LOOKS.get(value, ("mute", "circle"))
    return format_html('<span class="badge {}">{}{}</span>', look, icon(symbol), value.replace("_", " ").lower())


@register.simple_tag
def side(value: str, mine: str = "client") -> SafeString:
    """`client buys`, `we sell`, …: always says whose side it is."""
    words = {"buy": ("buys", "north_east", "buy"), "sell": ("sells", "south_west", "sell")}.get(value, ("two-way", "swap_vert", "both"))
    return format_html('<span class="side {}" title="{} {}">{}{}</span>', words[2], mine, words[0], icon(words[1]), words[0])


@register.simple_tag
def at(moment: datetime | None, form: str = "time") -> str | SafeString:
    """A moment in UTC; the script puts the reader's own time in the title. form: time, day, ms or full."""
    if moment is None:
        return "–"
    text = moment.strftime({"time": "%H:%M:%S", "day": "%d %b %H:%M:%S", "ms": "%H:%M:%S.%f", "full": "%Y-%m-%d %H:%M:%S"}[form])
    whole = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return format_html('<time datetime="{}" title="{}">{}</time>', whole, whole, text[:-3] if form == "ms" else text)


@register.filter
def day(value: date | None) -> str:
    return "–" if value is None else value.strftime("%a %d %b %Y")


@register.filter
def words(value: str) -> str:
    """CREDIT_SHARE → credit share."""
    return str(value).replace("_", " ").lower()


@register.simple_tag(takes_context=True)
def again(context: dict[str, Any], **changes: Any) -> str:
    """This page's address with some of its query changed; an empty value takes the parameter out."""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = str(value)
    return f"{request.path}?{query.urlencode()}" if query else request.path


@register.filter
def wordlist(value: str) -> list[str]:
    return value.split()


@register.filter
def seconds(milliseconds: int) -> int:
    """Whole seconds, rounded up: what is left is never shown as less."""
    return -(-milliseconds // 1000)


@register.filter
def lasted(microseconds: int) -> str:
    """840 µs, 12.4 ms, 38.2 s: a machine's time and a person's in one column."""
    for size, unit in ((1_000_000, "s"), (1_000, "ms")):
        if microseconds >= size:
            return f"{rounded(Decimal(microseconds) / size, 1)} {unit}"
    return f"{microseconds} µs"


@register.filter
def age(since: datetime, now: datetime) -> str:
    """5 min, 7 h, 3 d: whole units, rounded down."""
    minutes = max(0, int((now - since).total_seconds())) // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


@register.filter
def minus(value: Decimal, less: Decimal) -> Decimal:
    return value - less


@register.filter
def absolute(value: Decimal) -> Decimal:
    return abs(value)


@register.filter
def spread_parts(quote: Any) -> list[tuple[str, list[str]]]:
    """Each part of the spread with its bps on every side of the quote, in the order of the sides."""
    names = dict.fromkeys(name for side in quote.sides for name in side.parts)
    return [(name, [side.parts.get(name, "") for side in quote.sides]) for name in names]


@register.filter
def has_hard(blockers: list[Any]) -> bool:
    return any(b.is_hard for b in blockers)


@register.filter
def key_of(row_id: UUID | str, once: str) -> str:
    """One page, one key a form: the page's key mixed with the row's id."""
    return str(uuid5(UUID(once), str(row_id)))


@register.filter
def short_reason(code: str) -> str:
    return explain(code).short


@register.filter
def sentence(code: str) -> str:
    return explain(code).sentence


@register.filter
def flag(code: str) -> str:
    """What a deal on behalf breached, in words."""
    return FLAGS.get(code, code)


@register.filter
def like(value: Any, price: Decimal) -> str:
    """A rate with two decimals more than the client's price: the rest of its digits only informs nobody."""
    if value is None or value == "":
        return "–"
    return rounded(value, max(2, money.scale_of(price)) + 2)


@register.filter
def salted(once: str, form: object) -> str:
    """Several forms on a page, one key each."""
    return str(uuid5(UUID(once), str(form)))


@register.filter
def get(mapping: dict[str, Any], key: str) -> Any:
    return mapping.get(key)
