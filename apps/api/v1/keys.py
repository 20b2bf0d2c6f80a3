"""Keys of a client: what there is, what is asked for, and how one ends. No key makes or widens a key."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import (
    EMPTY,
    Amount,
    Body,
    Choices,
    Field,
    Listed,
    Reference,
    Text,
    Whole,
    WireId,
    array,
    moment,
    obj,
    page,
    read_query,
    text,
)
from apps.approvals import queries as approvals
from apps.clients import queries as clients
from apps.clients.rules import MAX_KEY_DAYS, SCOPES
from apps.core import clock, ids, money
from apps.core.errors import NotFound
from apps.rfqs.queries import stamp
from apps.workflows import ask_for_keys as stories
from apps.workflows.manage_keys import KIND

from .paging import PAGE, newest_first, wire_id

_PUBLIC = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
NULLABLE = {"type": ["string", "null"]}
OWN_SCOPES = tuple(scope for scope in SCOPES if scope != "hedge")
CAPS = obj(
    {
        "pairs": array(text("")) | {"description": "only these"},
        "deal_usd": text("a deal, in USD", format="decimal"),
        "day_usd": text("a trade date, in USD", format="decimal"),
    },
    "pairs", "deal_usd", "day_usd",
)  # fmt: skip
KEY = obj(
    {
        "key_id": text("ak_…, as `keyid` names it"),
        "member_id": text("mem_…: whose it is"),
        "member": text("their name"),
        "status": text("", enum=["ACTIVE", "EXPIRED", "REVOKED"]),
        "scopes": array(text("", enum=list(SCOPES))),
        "account_ids": array(text("acc_…")) | {"description": "none: every account that its member has authority for"},
        "allowed_cidrs": array(text("")) | {"description": "networks that it may come from; none: any"},
        "caps": CAPS,
        "api_version": text("which answers it gets"),
        "created_at": moment(""),
        "expires_at": moment("you are told 30, 7 and 1 days before"),
        "revoked_at": NULLABLE,
    }
)
ASKED = obj(
    {
        "id": text("apr_…"),
        "kind": text("", enum=["NEW", "WIDEN"]),
        "status": text("", enum=["REQUESTED", "APPROVED", "REJECTED", "EXECUTED", "FAILED", "STALE", "WITHDRAWN", "EXPIRED"]),
        "key_id": NULLABLE | {"description": "of a new key once it is EXECUTED"},
        "scopes": array(text("")),
        "allowed_cidrs": array(text("")),
        "requested_at": moment(""),
        "expires_at": NULLABLE | {"description": "nobody can approve it after that"},
        "decided_at": NULLABLE,
        "comment": text("of who decided"),
    }
)
_WHAT: dict[str, Field] = {
    "scopes": Choices("what it may do", ["read", "quote", "trade"], required=True, among=OWN_SCOPES),
    "allowed_cidrs": Listed("networks; mandatory for trade, settle and withdraw", ["203.0.113.0/24"], of=Text("", longest=43)),
    "cap_pairs": Listed("it deals only these", None, of=Reference("", "BTC-USD")),
    "cap_deal_usd": Amount("a deal, in USD", "1000000"),
    "cap_day_usd": Amount("a trade date, in USD", "5000000"),
}
_PAIR: dict[str, Field] = {
    "public_key": Text(
        "the 32 bytes of an Ed25519 public key, base64", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", required=True, longest=64
    ),
    "expires_in_days": Whole("how long it lives", 365, least=1, most=MAX_KEY_DAYS),
}
NEW = Body(
    "NewKey",
    {
        "member_id": WireId("whose it is to be; yours without it", prefix="mem"),
        **_PAIR,
        **_WHAT,
        "account_ids": Listed("only these accounts", None, of=WireId("", prefix="acc")),
    },
)
WIDEN = Body("WidenKey", _WHAT)
ROTATE = Body("RotateKey", _PAIR)
_MAY = {403: "not_your_key", 409: "approval_open, too_many_keys, key_ended"}
_BAD = {422: "bad_scope, bad_allow_list, bad_cap, bad_public_key, bad_lifetime, idempotency_key_reused"}


class Keys(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "read"}

    @documented("The keys of your client, newest first", name="list_keys", answer=page(KEY), query=PAGE)
    def get(self, request: Request) -> HttpResponse:
        query, rows = read_query(request.query_params, PAGE), clients.keys_visible_to(self.actor)
        return show(newest_first(rows, actor=self.actor, query=query, moment="created_at", describe=_all(describe)))

    @documented(
        "Ask for a key; a second person approves it before it is one",
        name="ask_for_key",
        body=NEW,
        answer=ASKED,
        status=202,
        example={"public_key": _PUBLIC, "scopes": ["read", "quote", "trade"], "allowed_cidrs": ["203.0.113.0/24"]},
        refusals={404: "not_found", **_MAY, **_BAD},
    )
    def post(self, request: Request) -> HttpResponse:
        asked = self.read(NEW)
        return self.run(
            stories.ask_for_key,
            operation="key.ask",
            render=_asked,
            member_id=asked["member_id"],
            public_key=asked["public_key"],
            account_ids=asked["account_ids"] or [],
            days=asked["expires_in_days"] or MAX_KEY_DAYS,
            **_what(asked),
        )


class OneKey(Door):
    @documented("One key", name="get_key", answer=KEY, refusals={404: "not_found"}, one=True)
    def get(self, request: Request, key_id: str) -> HttpResponse:
        return show_one(describe(clients.get_own_key(key_id, actor=self.actor)))


class WidenKey(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "read"}

    @documented(
        "Ask for other scopes, networks and caps of a key; a second person approves it",
        name="ask_to_widen_key",
        body=WIDEN,
        answer=ASKED,
        status=202,
        example={"scopes": ["read", "quote", "trade"], "allowed_cidrs": ["203.0.113.0/24"], "cap_deal_usd": "1000000"},
        refusals={404: "not_found", **_MAY, **_BAD},
    )
    def post(self, request: Request, key_id: str) -> HttpResponse:
        asked = self.read(WIDEN)
        return self.run(stories.ask_to_widen, operation="key.ask", render=_asked, key_id=key_id, **_what(asked))


class RotateKey(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "read"}

    @documented(
        "Ask for the successor of a key, of the same rights; once approved, both live for seven days",
        name="ask_to_rotate_key",
        body=ROTATE,
        answer=ASKED,
        status=202,
        example={"public_key": _PUBLIC, "expires_in_days": 365},
        refusals={404: "not_found", **_MAY, 422: "bad_public_key, bad_lifetime, idempotency_key_reused"},
    )
    def post(self, request: Request, key_id: str) -> HttpResponse:
        asked = self.read(ROTATE)
        days = asked["expires_in_days"] or MAX_KEY_DAYS
        return self.run(stories.ask_to_rotate, operation="key.ask", render=_asked, key_id=key_id, public_key=asked["public_key"], days=days)


class RevokeKey(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "read"}

    @documented(
        "End a key at once: your own, or as an admin any of your client",
        name="revoke_key",
        body=EMPTY,
        answer=KEY,
        example={},
        refusals={403: "not_your_key", 404: "not_found"},
    )
    def post(self, request: Request, key_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(stories.end_key, operation="key.revoke", render=lambda key: (200, describe(key)), key_id=key_id)


class KeyRequests(Door):
    @documented("What was asked for by API, newest first", name="list_key_requests", answer=page(ASKED), query=PAGE)
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request.query_params, PAGE)
        shown = newest_first(self.rows(), actor=self.actor, query=query, moment="requested_at", describe=_all(_request))
        return show(shown)

    def rows(self) -> Any:
        members = [member.id for member in clients.members_visible_to(self.actor)]
        return approvals.list_made_by_members(members, (KIND, stories.NEW))


class OneKeyRequest(KeyRequests):
    @documented("One request for a key", name="get_key_request", answer=ASKED, refusals={404: "not_found"}, one=True)
    def get(self, request: Request, key_request_id: str) -> HttpResponse:  # type: ignore[override]
        found = self.rows().filter(id=wire_id("apr", key_request_id)).first()
        if found is None:
            raise NotFound("no such request")
        return show_one(_request(found))


def _all(one: Callable[[Any], dict[str, Any]]) -> Callable[[list[Any]], list[dict[str, Any]]]:
    return lambda found: [one(row) for row in found]


def describe(key: Any) -> dict[str, Any]:
    status = "REVOKED" if key.revoked_at is not None else "EXPIRED" if key.expires_at <= clock.wall_now() else "ACTIVE"
    return {
        "key_id": key.key_id,
        "member_id": ids.encode("mem", key.member_id),
        "member": key.member.name,
        "status": status,
        "scopes": list(key.scopes),
        "account_ids": [ids.encode("acc", account.id) for account in key.accounts.all()],
        "allowed_cidrs": list(key.allowed_cidrs),
        "caps": dict(key.caps),
        "api_version": key.api_version,
        "created_at": stamp(key.created_at),
        "expires_at": stamp(key.expires_at),
        "revoked_at": None if key.revoked_at is None else stamp(key.revoked_at),
    }


def _what(asked: dict[str, Any]) -> dict[str, Any]:
    caps: dict[str, Any] = {} if asked["cap_pairs"] is None else {"pairs": asked["cap_pairs"]}
    for name in ("deal_usd", "day_usd"):
        if (amount := asked[f"cap_{name}"]) is not None:
            caps[name] = money.text(amount)
    return {"scopes": asked["scopes"], "cidrs": asked["allowed_cidrs"] or [], "caps": caps}


def _asked(approval: Any) -> tuple[int, dict[str, Any]]:
    return 202, _request(approval)


def _request(a: Any) -> dict[str, Any]:
    is_new = a.kind == stories.NEW
    return {
        "id": ids.encode("apr", a.id),
        "kind": "NEW" if is_new else "WIDEN",
        "status": str(a.status),
        "key_id": clients.find_key_id(a.subject_id),
        "scopes": a.payload["scopes"],
        "allowed_cidrs": a.payload["cidrs"],
        "requested_at": stamp(a.requested_at),
        "expires_at": None if a.expires_at is None else stamp(a.expires_at),
        "decided_at": None if a.decided_at is None else stamp(a.decided_at),
        "comment": a.comment,
    }
