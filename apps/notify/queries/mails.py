"""Who is told, and what is still to be sent."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.approvals import queries as approvals
from apps.clients import queries as clients
from apps.core.errors import NotFound
from apps.events.models import Event
from apps.notify.models import Delivery
from apps.notify.rules import mails as rules
from apps.notify.rules.mails import Mail
from apps.users import queries as users


def mails_of(event: Event) -> list[tuple[str, Mail]]:
    """Recipients of an event, each with its mail; none where nobody has to be told."""
    if event.kind in rules.TO_CLIENT and event.client_id is not None and event.public is not None:
        client = clients.get_counterparty(event.client_id)
        return [(client.email, rules.to_client(event.kind, event.public, client.name))] if client.email else []
    if event.kind == rules.APPROVAL_REQUESTED:
        asked = approvals.get_approval(event.subject_id)
        to = users.list_addresses(asked.checker_roles, but=asked.maker_id)
        mail = rules.to_staff(event.kind, event.house, asked.maker_name)
    elif event.kind in rules.TO_STAFF:
        to = users.list_addresses(rules.TO_STAFF[event.kind])
        mail = rules.to_staff(event.kind, _named(event.house), event.actor_name)
    else:
        return []
    return [(address, mail) for address in to]


def _named(house: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the name of whose line it is; events hold ids."""
    if "level" not in house or "subject" not in house:
        return house
    return {**house, "of": clients.name_of(house["level"], UUID(house["subject"]))}


def get_delivery(delivery_id: UUID) -> Delivery:
    """:raises NotFound: no such message"""
    found = Delivery.objects.filter(id=delivery_id).first()
    if found is None:
        raise NotFound("no such delivery")
    return found


def lock_delivery(delivery_id: UUID) -> Delivery:
    return Delivery.objects.select_for_update(no_key=True, of=("self",)).get(id=delivery_id)


def list_recent(limit: int = 200) -> QuerySet[Delivery]:
    return Delivery.objects.select_related("event").order_by("-created_at", "-id")[:limit]
