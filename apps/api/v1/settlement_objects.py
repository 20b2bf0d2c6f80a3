"""Single objects of settlement's lists, and where to pay us."""

import orjson
from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import WireId, array, obj, read_query, text
from apps.clients import queries as clients
from apps.core import clock, ids, signing_keys
from apps.rfqs.queries import stamp
from apps.settlement import queries

from .paging import wire_id
from .settlement import DEPOSIT, INSTRUCTION, OBLIGATION

_GONE = {404: "not_found"}
PAY_TO = obj(
    {
        "account_id": text("acc_…: the account that it is credited to"),
        "asset": text("code"),
        "rail": text("how it is sent, e.g. fedwire-usd"),
        "holder": text("whose account it is"),
        "address": text("IBAN, account number or wallet address"),
        "bic": text("of its bank; empty for a wallet"),
        "bank": text("its bank"),
        "version": {"type": "integer", "description": "counts the changes"},
        "pay_from": array(text("")) | {"description": "addresses of yours that we know: what comes from another one is looked at first"},
    }
)
QUERY = {"account_id": WireId("only this account", prefix="acc")}
EXAMPLE = {
    "data": [
        {
            "account_id": "acc_01m81nt6tefw6aewv9fav0pe14", "asset": "USD", "rail": "fedwire-usd", "holder": "Flowdesk Ltd",
            "address": "US-0001", "bic": "NRTHUS33", "bank": "Northern Bank", "version": 1, "pay_from": ["US-4711"],
        }
    ],
    "signed": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImRlcG9zaXQtaW5zdHJ1Y3Rpb25zIn0.eyJkYXRhIjpbXX0.c2lnbmF0dXJl",
}  # fmt: skip


class OneObligation(Door):
    @documented("One obligation", name="get_obligation", answer=OBLIGATION, refusals=_GONE, one=True)
    def get(self, request: Request, obligation_id: str) -> HttpResponse:
        found = queries.get_obligation(wire_id("obl", obligation_id), actor=self.actor)
        return show_one(queries.describe_obligation(found))


class OneInstruction(Door):
    @documented("One payment", name="get_instruction", answer=INSTRUCTION, refusals=_GONE, one=True)
    def get(self, request: Request, instruction_id: str) -> HttpResponse:
        found = queries.get_instruction(wire_id("ins", instruction_id), actor=self.actor)
        return show_one(queries.describe_instruction(found))


class OneDeposit(Door):
    @documented("One deposit", name="get_deposit", answer=DEPOSIT, refusals=_GONE, one=True)
    def get(self, request: Request, deposit_id: str) -> HttpResponse:
        return show_one(queries.describe_deposit(queries.get_deposit(wire_id("dep", deposit_id), actor=self.actor)))


class DepositInstructions(Door):
    @documented(
        "Where to pay us, by account and asset; signed, so that nobody on the way can name another account",
        name="list_deposit_instructions",
        answer=obj({"data": array(PAY_TO), "signed": text("the same as a JWS (EdDSA, by a key of /.well-known/jwks.json)")}),
        query=QUERY,
        answer_example=EXAMPLE,
        refusals=_GONE,
    )
    def get(self, request: Request) -> HttpResponse:
        wanted = read_query(request.query_params, QUERY)["account_id"]
        accounts = [clients.get_account(wanted, actor=self.actor)] if wanted else list(clients.visible_to(self.actor))
        now, versions = clock.desk_now(), queries.list_pay_to()
        senders = clients.list_senders(account.id for account in accounts)
        rows = []
        for account in accounts:
            terms = clients.get_terms(account.id, now)
            for nostro in queries.list_ways_in(terms.entity_id, client_money=terms.safeguarded):
                version = versions.get(nostro.id)
                if version is not None and version.withdrawn:
                    continue
                told = queries.describe_way_in(nostro, version)
                known = senders.get((account.id, nostro.asset_id), [])
                rows.append({"account_id": ids.encode("acc", account.id), **told, "pay_from": known})
        assert self.actor.client_id is not None, "a key is of a client"
        paper = {"client_id": ids.encode("cli", self.actor.client_id), "issued_at": stamp(now), "data": rows}
        return show({"data": rows, "signed": signing_keys.sign(orjson.dumps(paper), signing_keys.PAY_TO)})
