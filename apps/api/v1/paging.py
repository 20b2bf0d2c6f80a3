"""Keyset pages: the newest first, by (time, id), with a cursor bound to the client and the filters."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.api import cursors
from apps.api.shapes import Field, Text, Whole
from apps.core import ids
from apps.core.actor import Actor
from apps.core.errors import NotFound

MOST = 500
PAGE: Mapping[str, Field] = {
    "limit": Whole("rows on a page", 50, least=1, most=MOST),
    "cursor": Text("next_cursor of the page before", longest=1024),
}


def newest_first(
    rows: QuerySet[Any], *, actor: Actor, query: Mapping[str, Any], moment: str, describe: Callable[[list[Any]], list[dict[str, Any]]]
) -> dict[str, Any]:
    """One page of `rows`, ordered by the column `moment` and id, both falling.

    :raises InvalidCursor: damaged, or of another list
    """
    limit = query["limit"] or 50
    filters = {name: value for name, value in query.items() if name not in PAGE and value is not None}
    if query["cursor"] is not None:
        at, ident = cursors.decode(query["cursor"], client_id=actor.client_id, filters=filters)
        when: Any = datetime.fromisoformat(str(at)) if "T" in str(at) else date.fromisoformat(str(at))
        rows = rows.filter(Q(**{f"{moment}__lt": when}) | Q(**{moment: when, "id__lt": UUID(str(ident))}))
    found = list(rows.order_by(f"-{moment}", "-id")[: limit + 1])
    shown = found[:limit]
    more = None
    if len(found) > limit:
        last = shown[-1]
        more = cursors.encode([getattr(last, moment).isoformat(), str(last.id)], client_id=actor.client_id, filters=filters)
    return {"data": describe(shown), "next_cursor": more}


def wire_id(prefix: str, text: str) -> Any:
    """The UUID of an id in a path; one that cannot be an id is simply not found.

    :raises NotFound: not of this form
    """
    try:
        return ids.decode(prefix, text)
    except ValueError:
        raise NotFound(f"no such {prefix}") from None
