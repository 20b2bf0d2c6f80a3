"""Where you are paid: standing settlement instructions, proposed by one member and approved by another."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import EMPTY, Body, Choice, Field, Flag, Instant, Reference, Text, WireId, moment, obj, page, read_query, text
from apps.clients import queries as clients
from apps.clients.states import SsiStatus
from apps.workflows import propose_ssi as stories

from .paging import PAGE, newest_first, wire_id
from .settlement import default_account

NULLABLE = {"type": ["string", "null"]}
SSI = obj(
    {
        "id": text("ssi_…"),
        "account_id": text("acc_…"),
        "asset": text("code"),
        "rail": text("how it is paid, e.g. fedwire-usd"),
        "holder": text("the owner of the account: nobody else is ever paid"),
        "address": text("IBAN, account number or wallet address"),
        "bic": text("of the bank; empty for a wallet"),
        "self_hosted": {"type": "boolean", "description": "a wallet whose keys you hold yourself"},
        "status": text("", enum=[str(one) for one in SsiStatus]),
        "proposed_by": NULLABLE | {"description": "mem_…; null: from your onboarding file, or entered by us"},
        "entered_by_us": {"type": "boolean", "description": "on your word; revoke it where nobody of yours gave it"},
        "approved_by": NULLABLE | {"description": "mem_…"},
        "created_at": moment(""),
        "active_from": NULLABLE | {"description": "it has cooled off by then"},
        "valid_until": NULLABLE,
        "ended_at": NULLABLE,
    }
)
QUERY: Mapping[str, Field] = {
    **PAGE,
    "account_id": WireId("only this account", prefix="acc"),
    "asset": Reference("code", "USD"),
    "status": Choice("", among=tuple(str(one) for one in SsiStatus)),
}
PROPOSE = Body(
    "ProposeSsi",
    {
        "account_id": WireId("your default account without it", prefix="acc"),
        "asset": Reference("code", "EUR", required=True),
        "rail": Reference("how you want to be paid", "target-eur", required=True),
        "address": Text("IBAN, routing and account number, or wallet address", "DE89370400440532013000", required=True, longest=120),
        "bic": Text("of the bank", "COBADEFF", longest=11),
        "self_hosted": Flag("a wallet whose keys you hold yourself", False),
        "valid_until": Instant("it ends by itself; never without it", "2027-06-30T00:00:00Z"),
    },
)
EXAMPLE = {"asset": "EUR", "rail": "target-eur", "address": "DE89370400440532013000", "bic": "COBADEFF"}
_GONE = {404: "not_found"}
_MAY = "no_settlement_authority, account_unavailable"


class Ssis(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "settle"}

    @documented("Where you are paid, newest first, with what was before", name="list_ssis", answer=page(SSI), query=QUERY, refusals=_GONE)
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request.query_params, QUERY)
        rows = clients.ssis_visible_to(self.actor)
        if query["account_id"] is not None:
            rows = rows.filter(account_id=clients.get_account(query["account_id"], actor=self.actor).id)
        if query["asset"] is not None:
            rows = rows.filter(asset_code=query["asset"])
        if query["status"] is not None:
            rows = rows.filter(status=query["status"])
        return show(newest_first(rows, actor=self.actor, query=query, moment="created_at", describe=_all))

    @documented(
        "Propose a settlement instruction in your own name; another member approves it, we verify it, and it cools off",
        name="propose_ssi",
        body=PROPOSE,
        answer=SSI,
        status=201,
        example=EXAMPLE,
        refusals={**_GONE, 409: "ssi_known", 422: f"bad_ssi, {_MAY}"},
    )
    def post(self, request: Request) -> HttpResponse:
        asked = self.read(PROPOSE)
        return self.run(
            stories.propose_ssi,
            operation="ssi.propose",
            render=lambda ssi: (201, clients.describe_ssi(ssi)),
            account_id=asked["account_id"] or default_account(self),
            asset=asked["asset"],
            rail=asked["rail"],
            address=asked["address"],
            bic=asked["bic"] or "",
            self_hosted=asked["self_hosted"] or False,
            valid_until=asked["valid_until"],
        )


class OneSsi(Door):
    @documented("One settlement instruction", name="get_ssi", answer=SSI, refusals=_GONE, one=True)
    def get(self, request: Request, ssi_id: str) -> HttpResponse:
        return show_one(clients.describe_ssi(clients.get_ssi(wire_id("ssi", ssi_id), actor=self.actor)))


class ApproveSsi(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "settle"}

    @documented(
        "Approve a settlement instruction that another member proposed; we verify it then",
        name="approve_ssi",
        body=EMPTY,
        answer=SSI,
        example={},
        refusals={**_GONE, 409: "illegal_state", 422: f"second_member_needed, {_MAY}"},
    )
    def post(self, request: Request, ssi_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(stories.approve_ssi, operation="ssi.approve", render=_told, ssi_id=wire_id("ssi", ssi_id))


class RevokeSsi(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "settle"}

    @documented(
        "End a settlement instruction at once: payments to it that have not left wait for another one",
        name="revoke_ssi",
        body=EMPTY,
        answer=SSI,
        example={},
        refusals={**_GONE, 409: "illegal_state", 422: "no_settlement_authority"},
    )
    def post(self, request: Request, ssi_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(stories.revoke_own_ssi, operation="ssi.revoke", render=_told, ssi_id=wire_id("ssi", ssi_id))


def _told(ssi: Any) -> tuple[int, dict[str, Any]]:
    return 200, clients.describe_ssi(ssi)


def _all(found: list[Any]) -> list[dict[str, Any]]:
    return [clients.describe_ssi(one) for one in found]
