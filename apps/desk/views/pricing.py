"""How pairs are priced: spreads, tiers and bounds, set by one person within a bound and by two past it; their history; venues' fees."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.core import money
from apps.core.actor import Actor
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.pricing import queries as pricing
from apps.pricing import rules
from apps.pricing.errors import PolicyInvalid
from apps.users.rules import may_make
from apps.workflows.set_policy import set_policy, set_venue_fee

from .shell import show

GROUPS = (
    ("Spread", "one side, in bps of the price", (
        ("spread_bps", "Spread", "bps"),
        ("tier_bps", "Markup by client tier", "tier:bps, …"),
        ("size_tiers", "Larger sizes", "above:bps, …"),
        ("volatility_share", "Share of the move while we hedge", "0 to 10"),
        ("skew_cap_bps", "Skew by inventory, at most", "bps"),
        ("skew_full_at", "Position at which the skew is full", "base"),
        ("minimum_earn", "Least earned a side", "quote"),
    )),
    ("Automatic quotes", "past these a person prices; 0 switches a bound off", (
        ("auto_max_quantity", "Size", "base"),
        ("auto_max_age_ms", "Age of the price", "ms"),
        ("auto_max_sigma", "Volatility a year", "0.6 is 60 %"),
        ("auto_max_spread_bps", "Width of the merged book", "bps"),
        ("auto_min_sources", "Venues, at least", "count"),
    )),
    ("Before it goes out", "held against the mid and the book", (
        ("sure_bps", "A person's price is asked twice past", "bps"),
        ("refuse_bps", "and refused past", "bps"),
        ("through_bps", "Through the book, at most", "bps"),
    )),
    ("Sources", "when a venue is left out, and when there is no price", (
        ("max_price_age_ms", "Price is stale after", "ms"),
        ("source_max_age_ms", "Venue is stale after", "ms"),
        ("max_deviation_bps", "From the median of the venues", "bps"),
        ("max_jump_bps", "From the last five minutes", "bps"),
        ("min_depth", "Depth a side, at least", "base"),
        ("legs", "Priced as a cross of", "BTC-USD, EUR-USD"),
    )),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    label: str
    unit: str
    value: str
    is_off_agreed: bool  # stands away from what two people agreed on


@dataclass(frozen=True, slots=True)
class Move:
    """One version of the history: what changed, old to new."""

    version: Any
    changed: list[tuple[str, str, str]]


@page("pricing")
@require_safe
def policy_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    context: dict[str, Any] = {
        "rows": [(policy, rules.write_terms(pricing.terms_of(policy))) for policy in pricing.list_policies()],
        "venues": pricing.list_venues(),
        "may_set": may_make(actor.roles, "terms"),
    }
    return show(request, actor, "desk/pricing.html", screen="pricing", **context)


@page("pricing")
@require_safe
def policy_page(request: HttpRequest, actor: Actor, pair: str) -> HttpResponse:
    policy = pricing.get_policy(pair)
    now = rules.write_terms(pricing.terms_of(policy))
    agreed = rules.write_terms(pricing.find_agreed_terms(pair))
    context: dict[str, Any] = {
        "policy": policy,
        "groups": [
            (title, words, [Field(name, label, unit, now[name], now[name] != agreed[name]) for name, label, unit in fields])
            for title, words, fields in GROUPS
        ],
        "history": history(pair),
        "free_bps": rules.FREE_MOVE_BPS,
        "may_set": may_make(actor.roles, "terms"),
    }
    return show(request, actor, "desk/policy.html", screen="pricing", title=f"Pricing {pair}", **context)


@page("pricing")
@require_POST
def set_terms(request: HttpRequest, actor: Actor, pair: str) -> HttpResponse:
    version = request.POST.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) < 9):
        raise PolicyInvalid("version: load the page again", pointer="/version", fields={"version": "missing"})
    terms = rules.read_terms({name: values[-1] for name, values in request.POST.lists()})
    once = FormOnce(request, actor, operation="policy", tell=_told)
    reason = request.POST.get("reason", "").strip()[:200]
    told = carry_out(once, set_policy, actor=actor, pair_code=pair, terms=terms, expected_version=int(version), reason=reason)
    messages.success(request, told)
    return redirect("desk:policy", pair=pair)


@page("pricing")
@require_POST
def set_fee(request: HttpRequest, actor: Actor) -> HttpResponse:
    try:
        bps = money.parse(request.POST.get("taker_bps", "").strip())
    except money.NotAnAmount as no:
        raise PolicyInvalid(f"taker_bps: {no}", pointer="/taker_bps", fields={"taker_bps": str(no)}) from None
    once = FormOnce(request, actor, operation="venue", tell=lambda venue: f"{venue.code}: taking costs {money.text(venue.taker_bps)} bps")
    messages.success(
        request, carry_out(once, set_venue_fee, actor=actor, code=request.POST.get("venue", "").strip().lower(), taker_bps=bps)
    )
    return redirect("desk:pricing")


def history(pair: str) -> list[Move]:
    """Newest first, each against the version before it."""
    versions = pricing.list_policy_versions(pair)
    shown = [rules.write_terms(pricing.terms_of_row(version.terms)) for version in versions]
    moves = []
    for number, (version, terms) in enumerate(zip(versions, shown, strict=True)):
        old = shown[number + 1] if number + 1 < len(shown) else None
        moves.append(Move(version, [(name, old[name], terms[name]) for name in terms if old[name] != terms[name]] if old else []))
    return moves


def _told(done: Any) -> str:
    policy, asked = done
    if asked is not None:
        return f"Asked of risk: {asked.title}; until then version {policy.version} stays in force"
    return f"{policy.pair_code}: version {policy.version} is in force"
