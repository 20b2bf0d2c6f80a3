"""Money that came: what of it has been credited, is looked at, or went back."""

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import WireId, decimal, obj, page, read_query, text
from apps.clients import queries as clients
from apps.settlement import queries

from .paging import PAGE, newest_first, wire_id

NULLABLE = {"type": ["string", "null"]}
STATUSES = ["CLEARED", "MATCHED", "QUARANTINED", "RETURN_DUE", "RETURNED", "REVERTED"]
RECEIPT = obj(
    {
        "id": text("rcp_…"),
        "account_id": NULLABLE,
        "asset": text("code"),
        "amount": decimal(""),
        "reference": text("the rail's"),
        "remittance": text("what was written with it"),
        "value_date": text("", format="date"),
        "status": text("QUARANTINED: people look at it, and it is credited or goes back", enum=STATUSES),
        "reason": {"type": ["string", "null"], "description": "`under_review` while people look at it"},
        "final_at": NULLABLE,
    }
)
QUERY = {**PAGE, "account_id": WireId("only this account", prefix="acc")}


class Receipts(Door):
    @documented(
        "Money that came for your accounts, newest first",
        name="list_receipts",
        answer=page(RECEIPT),
        query=QUERY,
        refusals={404: "not_found"},
    )
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request.query_params, QUERY)
        rows = queries.list_receipts(self.actor)
        if query["account_id"] is not None:
            rows = rows.filter(account_id=clients.get_account(query["account_id"], actor=self.actor).id)
        return show(
            newest_first(
                rows,
                actor=self.actor,
                query=query,
                moment="seen_at",
                describe=lambda found: [queries.describe_receipt(one) for one in found],
            )
        )


class OneReceipt(Door):
    @documented("One receipt", answer=RECEIPT, refusals={404: "not_found"}, one=True)
    def get(self, request: Request, receipt_id: str) -> HttpResponse:
        return show_one(queries.describe_receipt(queries.get_receipt(wire_id("rcp", receipt_id), actor=self.actor)))
