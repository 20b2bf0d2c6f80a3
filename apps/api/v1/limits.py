"""What bounds this key: requests by time, and how many of each thing a client has. What bounds deals in money is at /credit."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api import limits
from apps.api.docs import documented
from apps.api.door import Door, requests_rate, show
from apps.api.limits import Use
from apps.api.shapes import array, obj, read_query, text
from apps.clients import queries as clients
from apps.clients.queries import KeyGrant
from apps.clients.rules import MAX_KEYS
from apps.core import clock, money
from apps.notify.queries import webhooks
from apps.notify.rules.schedule import MAX_ENDPOINTS
from apps.workflows.value_dates import trade_date

from .rfqs import rfqs_rate

COUNT = {"type": "integer"}
RATE = obj(
    {
        "policy": text("as RateLimit-Policy and a 429 name it", enum=["requests", "rfqs"]),
        "limit": {"type": "integer", "description": "in a window"},
        "window_s": {"type": "integer", "description": "seconds"},
        "remaining": {"type": "integer", "description": "in the running window, after this request"},
        "resets_in_s": {"type": "integer", "description": "seconds until the next window"},
    }
)
COUNTED = obj({"of": text("what is counted, of your client", enum=["keys", "webhooks"]), "limit": COUNT, "used": COUNT})
CAP = obj(
    {
        "of": text("", enum=["pairs", "deal_usd", "day_usd"]),
        "limit": text("USD; of pairs, their list"),
        "used": text("of day_usd: dealt on this trade date", format="decimal"),
    },
    "used",
)
EXAMPLE = {
    "rates": [
        {"policy": "requests", "limit": 400, "window_s": 4, "remaining": 399, "resets_in_s": 4},
        {"policy": "rfqs", "limit": 200, "window_s": 4, "remaining": 200, "resets_in_s": 4},
    ],
    "counts": [{"of": "keys", "limit": 8, "used": 2}, {"of": "webhooks", "limit": 10, "used": 1}],
    "caps": [{"of": "day_usd", "limit": "5000000", "used": "41250.5"}],
}


class Limits(Door):
    @documented(
        "Rate limits and caps of this key with what is left of them, and how many keys and webhooks your client has",
        name="get_limits",
        answer=obj({"rates": array(RATE), "counts": array(COUNTED), "caps": array(CAP)}),
        answer_example=EXAMPLE,
    )
    def get(self, request: Request) -> HttpResponse:
        read_query(request.query_params, {})
        grant = self.caller.grant
        rates = [
            limits.look(policy="requests", who=grant.key_id, rate=requests_rate(grant)),
            limits.look(policy="rfqs", who=grant.key_id, rate=rfqs_rate(grant)),
        ]
        counts = [
            {"of": "keys", "limit": MAX_KEYS, "used": clients.count_live_keys(grant.client_id, clock.wall_now())},
            {"of": "webhooks", "limit": MAX_ENDPOINTS, "used": webhooks.count_live(grant.client_id)},
        ]
        return show({"rates": [_describe(use) for use in rates], "counts": counts, "caps": _caps(grant)})


def _caps(grant: KeyGrant) -> list[dict[str, str]]:
    out = []
    for name, limit in grant.caps.items():
        row = {"of": name, "limit": ", ".join(limit) if name == "pairs" else limit}
        if name == "day_usd":
            row["used"] = money.text(clients.used_today(grant.key_id, trade_date(grant.account_ids, clock.desk_now())))
        out.append(row)
    return out


def _describe(use: Use) -> dict[str, Any]:
    return {
        "policy": use.policy,
        "limit": use.limit,
        "window_s": use.window_s,
        "remaining": use.left,
        "resets_in_s": use.resets_in_s,
    }
