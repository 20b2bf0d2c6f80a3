"""Who acts for a client."""

from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import EMPTY, array, obj, read_query, text
from apps.clients import queries as clients
from apps.core import clock, ids, money
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.rfqs.queries import stamp
from apps.workflows.close_member import close_member

from .paging import wire_id

NULLABLE = {"type": ["string", "null"]}
AUTHORITY = obj(
    {
        "account_id": text("acc_…"),
        "roles": array(text("", enum=["viewer", "trader", "settlement", "admin"])),
        "dealing_limit": NULLABLE | {"description": "USD a deal; null: none of their own"},
    }
)
MEMBER = obj(
    {
        "id": text("mem_…"),
        "name": text(""),
        "status": text("SUSPENDED: does not act for now", enum=["ACTIVE", "SUSPENDED", "CLOSED"]),
        "valid_until": NULLABLE,
        "authorities": array(AUTHORITY) | {"description": "on the accounts that this key names"},
    }
)


class Members(Door):
    @documented("The members of your client and what they may do", name="list_members", answer=obj({"data": array(MEMBER)}))
    def get(self, request: Request) -> HttpResponse:
        read_query(request.query_params, {})
        return show({"data": _describe(list(clients.members_visible_to(self.actor)), self.actor)})


class CloseMember(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "read"}

    @documented(
        "One who leaves: closed at once, with every key and socket of theirs and all that waits for a second person",
        name="close_member",
        body=EMPTY,
        answer=MEMBER,
        example={},
        refusals={403: "not_an_admin", 404: "not_found"},
    )
    def post(self, request: Request, member_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(
            close_member,
            operation="member.close",
            render=lambda member: (200, _describe([member], self.actor)[0]),
            member_id=wire_id("mem", member_id),
        )


class OneMember(Door):
    @documented("One member", name="get_member", answer=MEMBER, refusals={404: "not_found"}, one=True)
    def get(self, request: Request, member_id: str) -> HttpResponse:
        found = clients.members_visible_to(self.actor).filter(id=wire_id("mem", member_id)).first()
        if found is None:
            raise NotFound("no such member")
        return show_one(_describe([found], self.actor)[0])


def _status(m: Any, now: datetime) -> str:
    if m.closed_at is not None or (m.valid_until is not None and m.valid_until <= now):
        return "CLOSED"
    return "ACTIVE" if m.stopped_at is None else "SUSPENDED"


def _describe(members: list[Any], actor: Actor) -> list[dict[str, Any]]:
    authorities = clients.list_authorities_of([member.id for member in members], actor=actor)
    now = clock.wall_now()
    return [
        {
            "id": ids.encode("mem", m.id),
            "name": m.name,
            "status": _status(m, now),
            "valid_until": None if m.valid_until is None else stamp(m.valid_until),
            "authorities": [
                {
                    "account_id": ids.encode("acc", a.account_id),
                    "roles": sorted(a.roles),
                    "dealing_limit": None if a.dealing_limit is None else money.text(a.dealing_limit),
                }
                for a in authorities.get(m.id, [])
            ],
        }
        for m in members
    ]
