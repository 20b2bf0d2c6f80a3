"""Webhooks of our clients: which endpoints answer, what went to them, and sending one again."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.core import clock
from apps.core.actor import Actor
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.notify.queries import webhooks as queries
from apps.users.rules import may_make
from apps.workflows.manage_webhooks import resend_delivery

from . import params
from .parts import part_of_rows
from .shell import show

STATUSES = ("RETRYING", "PENDING", "SENT")


@page("webhooks")
@require_safe
def webhook_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    return show(request, actor, "desk/webhooks.html", screen="webhooks", rows=queries.list_watched())


@page("webhooks")
@require_safe
def webhook_page(request: HttpRequest, actor: Actor, webhook: str) -> HttpResponse:
    endpoint = queries.get_endpoint(params.decode("whe", webhook, "webhook"), actor=actor)
    status = params.text(request, "status", STATUSES)
    part = part_of_rows(
        request, "page", queries.list_posts(endpoint, at=clock.wall_now(), status=status or None).order_by("-created_at", "-id")
    )
    tries = queries.list_attempts(part.rows)
    rows = [(post, tries[post.id]) for post in part]
    host = queries.host_of(endpoint)
    may_resend = may_make(actor.roles, "webhook_resend") and endpoint.status != "DISABLED"
    context = {
        "endpoint": endpoint,
        "host": host,
        "rows": rows,
        "part": part,
        "status": status,
        "statuses": STATUSES,
        "may_resend": may_resend,
    }
    return show(request, actor, "desk/webhook.html", screen="webhooks", title=f"{endpoint.client.code} · {host}", **context)


@page("webhooks")
@require_POST
def resend(request: HttpRequest, actor: Actor, webhook: str, event: str) -> HttpResponse:
    once = FormOnce(request, actor, operation="webhook", tell=lambda post: f"Event {post.seq} goes out again")
    told = carry_out(
        once,
        resend_delivery,
        actor=actor,
        endpoint_id=params.decode("whe", webhook, "webhook"),
        event_id=params.decode("evt", event, "delivery"),
    )
    messages.success(request, told)
    return redirect("desk:webhook", webhook=webhook)
