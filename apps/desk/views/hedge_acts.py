"""A hedge on its page: corrected to what was dealt, with what waits for its checker and every version before."""

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from apps.approvals import queries as approvals
from apps.core import money
from apps.core.actor import Actor
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.reports.queries.desk.deal import Story
from apps.trades.rules import REASONS
from apps.users.rules import may_make, require_may
from apps.workflows import correct_hedge

from . import params
from .deal_acts import NOTE, done, read_words


@page("blotter")
@require_POST
def correct(request: HttpRequest, actor: Actor, deal: str) -> HttpResponse:
    """A field that is left empty, or as it is, stays as it is."""
    require_may(actor.roles, correct_hedge.ACT)
    fee = params.posted(request, "fee")
    figures = correct_hedge.Figures(
        side=params.posted(request, "side", 8) or None,
        quantity=_amount(request, "quantity"),
        price=_amount(request, "price"),
        fee=amounts.read_signed(fee, "fee") if fee else None,
        value_date=params.needed_day(request, "value_date") if params.posted(request, "value_date") else None,
        quote_quantity=_amount(request, "quote_quantity"),
    )
    once = FormOnce(request, actor, operation="hedge_version", tell=_asked)
    told = carry_out(
        once,
        correct_hedge.ask_correction,
        actor=actor,
        trade_id=params.decode("trd", deal, "hedge"),
        figures=figures,
        reason=params.posted(request, "reason", 20),
        note=read_words(request, "note", NOTE),
    )
    return done(request, deal, told)


def of(story: Story, actor: Actor, changed: Any) -> dict[str, Any]:
    """What the page of a hedge shows beside its timeline.

    :param changed: what a version changed, as the page of a client's deal tells it
    """
    now = story.current
    assert now is not None and story.head.trade_id is not None
    return {
        "asked": approvals.visible_to(actor).filter(subject_id=story.head.trade_id, status="REQUESTED").order_by("requested_at", "id"),
        "may_correct": story.head.status == "ACTIVE" and may_make(actor.roles, correct_hedge.ACT),
        "typed": {name: money.text(getattr(now, name)) for name in ("price", "quantity", "fee")},
        "reasons": REASONS,
        "changes": [_ours(*changed(old, new)) for old, new in zip(story.versions, story.versions[1:], strict=False)],
    }


def _ours(version: Any, told: list[tuple[str, str, str]]) -> tuple[Any, list[tuple[str, str, str]]]:
    """The same in our eyes: of a hedge it is we who pay and receive."""
    words = {"client pays": "we pay", "client receives": "we receive"}
    return version, [(words.get(name, name), before, after) for name, before, after in told]


def _asked(approval: Any) -> str:
    return f"Asked: {approval.title}. Another one of operations checks it" + (", and risk" if len(approval.slots) > 1 else "")


def _amount(request: HttpRequest, name: str) -> Decimal | None:
    text = params.posted(request, name)
    return amounts.read(text, name) if text else None
