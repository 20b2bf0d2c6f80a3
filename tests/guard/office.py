"""A desk in the middle of its day, and a browser for one person of each role."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.core import db, ids
from apps.pricing import queries as pricing
from apps.pricing.rules import policy as rules
from apps.users.models import User
from apps.workflows.manage_webhooks import create_webhook, replay_deliveries
from tests import web
from tests.desk.day import STAFF, Day, make_day, make_staff

ROLE_OF = {name: role for name, (_, role) in STAFF.items()}
ONE_OF = {role: name for name, role in ROLE_OF.items()}  # of operations oscar, who did not ask for the approval


@dataclass
class Office:
    day: Day
    staff: dict[str, User]
    ids: Mapping[str, str]  # by the name of a part of an address
    browsers: dict[str, Client]  # by role

    def address(self, pattern: str, **given: str) -> str:
        return "/" + re.sub(r"<\w+:(\w+)>", lambda found: given.get(found[1]) or self.ids[found[1]], pattern)


def filled(pattern: str, fields: dict[str, str]) -> dict[str, Any]:
    """A form for this address that can be read, so that who may is all there is to ask."""
    if pattern == "desk/pricing/<str:pair>/set/":
        policy = pricing.get_policy("BTC-USD")
        fields = rules.write_terms(pricing.terms_of(policy)) | fields | {"version": str(policy.version), "minimum_earn": "7"}
    return form(**fields)


def browser_of(user: User) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def form(**members: str) -> dict[str, Any]:
    """A form with its key; `file` is sent as one."""
    file = {"file": SimpleUploadedFile("record.csv", members["file"].encode())} if "file" in members else {}
    return {"once": str(uuid.uuid4()), **members, **file}


def build() -> Office:
    staff = make_staff()
    day = make_day(staff, deals=6)
    endpoint, _ = create_webhook(
        actor=day.acme.trader, url="https://hooks.example.com/x", description="", types=(), ordered=True, scheme="v1a"
    )  # fmt: skip
    replay_deliveries(actor=day.acme.trader, endpoint_id=endpoint.id, after_seq=0, since=None, until=None)
    found: dict[str, Any] = {}
    for name, prefix, sql in (
        ("rfq", "rfq", "SELECT id FROM rfqs_rfq WHERE client_rfq_id = 'r-large-1'"),
        ("trade", "trd", "SELECT trade_id FROM trades_hedge LIMIT 1"),
        ("event", "evt", "SELECT event_id FROM notify_post LIMIT 1"),
        ("ssi", "ssi", "SELECT id FROM clients_ssi LIMIT 1"),
    ):
        (one,) = db.one(sql)
        found[name] = ids.encode(prefix, one)
    (line,) = db.one("SELECT id FROM credit_line LIMIT 1")
    nobody = uuid.UUID(int=7)
    found |= {
        "key": web.key_for(day.acme.trader).key_id, "member": ids.encode("mem", nobody),
        "act": "reject", "deal": ids.encode("trd", day.deal.id),
        "approval": str(day.approval.id), "call": str(nobody), "halt": str(nobody), "line": str(line), "pair": "BTC-USD",
        "code": "helios", "client": "acme", "account": "acme-main",
        "allocation": ids.encode("alc", nobody), "alert": ids.encode("alt", nobody), "one": str(nobody),
        "receipt": ids.encode("rcp", nobody), "instruction": ids.encode("ins", nobody),
        "adjustment": ids.encode("adj", nobody), "transfer": str(nobody),
        "withdrawal": ids.encode("wdr", nobody), "net_set": ids.encode("set", nobody),
        "webhook": ids.encode("whe", endpoint.id),
    }  # fmt: skip
    return Office(day, staff, found, {role: browser_of(staff[name]) for role, name in ONE_OF.items()})
