"""The search box: an id leads straight to its page, words to a list."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from apps.core import ids
from apps.core.actor import Actor
from apps.desk.access import may_open, page
from apps.reports.queries.desk import deal

from . import params
from .shell import show


@page("home")
@require_safe
def search_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    words = params.text(request, "q")
    if _is_id("trd", words):
        return redirect("desk:deal", trade=words)
    if _is_id("rfq", words):
        return redirect("desk:rfq", rfq=words)
    may_see = may_open(actor.roles, "blotter")
    hits = deal.search(words) if len(words) >= 2 and may_see else []
    if len(hits) == 1 and hits[0].kind != "client":
        kind, prefix = ("deal", "trd") if hits[0].kind == "deal" else ("rfq", "rfq")
        return redirect(f"desk:{kind}", ids.encode(prefix, hits[0].id))
    return show(request, actor, "desk/search.html", screen="home", title="Search", hits=hits, words=words, may_see=may_see)


def _is_id(prefix: str, words: str) -> bool:
    try:
        ids.decode(prefix, words)
    except ValueError:
        return False
    return True
