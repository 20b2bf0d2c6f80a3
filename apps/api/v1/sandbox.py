"""A sandbox's own operations: scenarios to choose from, the desk clock, a client to start over with. Routed in a sandbox only."""

import binascii
from base64 import b64decode
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.urls import path
from rest_framework.request import Request

from apps.api import auth
from apps.api.docs import documented
from apps.api.door import Door, show
from apps.api.jsonbody import FieldError, InvalidBody
from apps.api.sandbox.scenarios import SCENARIOS
from apps.api.shapes import Bad, Body, Choice, Field, Flag, Reference, Whole, array, moment, obj, text
from apps.core import clock, ids
from apps.rfqs.queries import stamp
from apps.workflows.advance_clock import advance_clock
from apps.workflows.found_test_client import TestClient, found_test_client
from apps.workflows.stage_acts import ACTS
from apps.workflows.stage_test_client import TO_CLIENT, Staged, stage_test_client

YEAR_S = 366 * 24 * 3600


@dataclass(frozen=True, slots=True)
class PublicKey(Field):
    """An Ed25519 public key: 32 bytes in base64."""

    def read(self, value: Any) -> bytes:
        try:
            raw = b64decode(value, validate=True) if isinstance(value, str) else b""
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != 32:
            raise Bad("invalid_key", "an Ed25519 public key: 32 bytes in base64")
        return raw


CLOCK = Body("ClockAdvance", {"advance_s": Whole("seconds to move the desk clock on", 86_400, required=True, least=1, most=YEAR_S)})
CLIENT = Body(
    "TestClient",
    {
        "public_key": PublicKey("of the member who trades", required=True),
        "treasury_public_key": PublicKey("of the member who settles and asks for withdrawals"),
        "controller_public_key": PublicKey("of the member who approves them"),
        "mode": Choice("how it settles", "CREDIT", among=("CREDIT", "CLIENT_FIRST", "PREFUNDED")),
        "netting": Flag("whether what it owes and gets is netted; it is without this", True),
    },
)
ACT = Body(
    "ClientAct",
    {
        "act": Choice("what our people do to your client, or to a thing of its", "restrict", required=True, among=(*TO_CLIENT, *ACTS)),
        "id": Reference("of what it is done to, where it is not your client itself", None),
    },
)
STAGED = obj(
    {
        "status": text("of your client now", enum=["APPROVED", "RESTRICTED", "SUSPENDED", "FROZEN"]),
        "exposure_call_id": {"type": ["string", "null"], "description": "call_… of the call that was issued"},
    }
)
KEY = obj({"key_id": text("ak_test_…"), "member": text("whose"), "scopes": array(text("")), "expires_at": moment("")})
MADE = obj({"client": text("its code"), "account_id": text("acc_…"), "second_account_id": text("acc_…"), "keys": array(KEY)})
SCENARIO = obj({"name": text("for the header Flowdesk-Scenario"), "magic": text("the quantity's four decimals; empty: by header only"),
                "kind": text("where it acts"), "about": text("what it does")})  # fmt: skip


class Scenarios(Door):
    @documented("What can be forced", name="list_scenarios", answer=obj({"data": array(SCENARIO)}))
    def get(self, request: Request) -> HttpResponse:
        rows = [
            {"name": one.name, "magic": f".00{one.magic:02}" if one.magic else "", "kind": str(one.kind), "about": one.about}
            for one in SCENARIOS.values()
        ]
        return show({"data": rows})


class Clock(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "read"}

    @documented(
        "Move the desk clock on",
        name="advance_clock",
        body=CLOCK,
        answer=obj({"desk": moment(""), "wall": moment("")}),
        refusals={422: "clock_refused"},
    )
    def post(self, request: Request) -> HttpResponse:
        asked = self.read(CLOCK)
        return self.run(
            advance_clock,
            operation="sandbox.clock",
            render=lambda desk: (200, {"desk": stamp(desk), "wall": stamp(clock.wall_now())}),
            by=timedelta(seconds=asked["advance_s"]),
        )


class Clients(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "read"}

    @documented(
        "Start over as a new client",
        name="found_test_client",
        body=CLIENT,
        answer=MADE,
        status=201,
        refusals={422: "bad_public_key, bad_allow_list"},
    )
    def post(self, request: Request) -> HttpResponse:
        asked = self.read(CLIENT)
        given = [asked[name] for name in ("public_key", "treasury_public_key", "controller_public_key")]
        address = auth.request_ip(request._request)
        return self.run(
            found_test_client,
            operation="sandbox.client",
            render=lambda made: (201, _made(made)),
            mode=asked["mode"] or "CREDIT",
            netting=asked["netting"] is not False,
            public_keys=given,
            cidrs=[address] if address not in {"127.0.0.1", "::1"} else ["127.0.0.0/8", "::1/128"],
        )


class ClientActs(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "read"}

    @documented(
        "Have our people do something to your client, or to a thing of its",
        name="stage_test_client",
        body=ACT,
        answer=STAGED,
        refusals={
            404: "not_found",
            409: "illegal_state, call_open, payment_in_flight, or what else our people are refused with",
            422: "not_stricter, nothing_to_close_out, or what else our people are refused with",
        },
    )
    def post(self, request: Request) -> HttpResponse:
        asked = self.read(ACT)
        thing_id = _thing(asked["act"], asked["id"])
        return self.run(stage_test_client, operation="sandbox.act", render=_staged, act=asked["act"], thing_id=thing_id)


def _thing(act: str, named: str | None) -> UUID | str | None:
    if act not in ACTS:
        if named is not None:
            raise InvalidBody([FieldError("/id", "invalid_id", f"{act}: none, it is done to your client itself")])
        return None
    try:
        if (prefix := ACTS[act].prefix) != "ak":
            return ids.decode(prefix, named or "")
        if named is None or not named.startswith("ak_"):
            raise ValueError("the key_id of a key, ak_…")
        return named
    except ValueError as no:
        raise InvalidBody([FieldError("/id", "invalid_id", f"{act}: {no}")]) from None


def _staged(done: Staged) -> tuple[int, dict[str, Any]]:
    return 200, {"status": str(done.status), "exposure_call_id": None if done.call is None else ids.encode("call", done.call.id)}


def _made(made: TestClient) -> dict[str, Any]:
    return {
        "client": made.code,
        "account_id": ids.encode("acc", made.account.id),
        "second_account_id": ids.encode("acc", made.second.id),
        "keys": [
            {"key_id": key.key_id, "member": key.member.name, "scopes": list(key.scopes), "expires_at": stamp(key.expires_at)}
            for key in made.keys
        ],
    }


PATHS = (
    path("v1/sandbox/scenarios", Scenarios.as_view()),
    path("v1/sandbox/clock", Clock.as_view()),
    path("v1/sandbox/clients", Clients.as_view()),
    path("v1/sandbox/client/acts", ClientActs.as_view()),
)
