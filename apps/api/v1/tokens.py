"""Bearer tokens for who reads and cannot sign: dashboards, the docs page."""

from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api import tokens
from apps.api.docs import documented
from apps.api.door import Door
from apps.api.shapes import EMPTY, array, moment, obj, text
from apps.core import clock
from apps.rfqs.queries import stamp
from apps.workflows.issue_token import issue_token

TOKEN = obj(
    {
        "token": {"type": ["string", "null"], "description": "told once, in the first answer; a repeated answer says null"},
        "token_type": text("", enum=["Bearer"]),
        "expires_at": moment("15 minutes from now, by the wall clock; earlier where its key ends"),
        "scopes": array(text("", enum=["read"])),
    }
)
EXAMPLE = {"token": "fdt_bWFjLi4u", "token_type": "Bearer", "expires_at": "2026-09-15T12:15:00.000000Z", "scopes": ["read"]}


class Tokens(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "read"}

    @documented(
        "A bearer token that reads what this key may read, for 15 minutes at most",
        body=EMPTY,
        answer=TOKEN,
        status=201,
        example={},
        answer_example=EXAMPLE,
    )
    def post(self, request: Request) -> HttpResponse:
        self.read(EMPTY)
        grant = self.caller.grant

        def render(expires_at: datetime) -> tuple[int, dict[str, Any]]:
            token = tokens.make(grant.key_id, expires_at)
            return 201, {"token": token, "token_type": "Bearer", "expires_at": stamp(expires_at), "scopes": sorted(tokens.SCOPES)}

        until = min(clock.wall_now().replace(microsecond=0) + tokens.LIFE, grant.expires_at.replace(microsecond=0))
        return self.run(issue_token, operation="token", render=render, told_once=("token",), key_pk=grant.key_pk, expires_at=until)
