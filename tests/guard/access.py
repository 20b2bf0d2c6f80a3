"""Who may do what at every address of the REST API. A new route goes in here, or tests/guard/test_api_matrix.py fails and says so.

One line an operation: the scope that a key needs, and whose the thing in the path is.
"""

# Operation, as docs/openapi.yaml names it → the scope that a key needs.
API = {
    "GET /api/v1/accounts": "read",
    "GET /api/v1/balances": "read",
    "GET /api/v1/by-client-id/{reference}": "read",
    "GET /api/v1/credit": "read",
    "POST /api/v1/credit/what-if": "read",
    "GET /api/v1/deposits": "read",
    "POST /api/v1/deposits": "settle",
    "GET /api/v1/event-types": "read",
    "GET /api/v1/events": "read",
    "GET /api/v1/exposure-calls": "read",
    "POST /api/v1/hedges": "hedge",  # held by keys of the house alone: no client's key gets here
    "GET /api/v1/instructions": "read",
    "GET /api/v1/instruments": "read",
    "GET /api/v1/limits": "read",
    "GET /api/v1/obligations": "read",
    "POST /api/v1/orders": "trade",
    "GET /api/v1/prices/{instrument}": "read",
    "GET /api/v1/quotes/{quote_id}": "read",
    "POST /api/v1/quotes/{quote_id}/accept": "trade",
    "POST /api/v1/quotes/{quote_id}/counter": "quote",
    "POST /api/v1/quotes/{quote_id}/decline": "quote",
    "GET /api/v1/rfqs": "read",
    "POST /api/v1/rfqs": "quote",
    "GET /api/v1/rfqs/{rfq_id}": "read",
    "POST /api/v1/rfqs/{rfq_id}/cancel": "quote",
    "POST /api/v1/rfqs/validate": "quote",
    "GET /api/v1/settlements": "read",
    "GET /api/v1/settlements/{set_id}": "read",
    "POST /api/v1/settlements/{set_id}/agree": "settle",
    "GET /api/v1/statistics": "read",
    "GET /api/v1/time": "read",
    "POST /api/v1/tokens": "read",
    "GET /api/v1/trades": "read",
    "GET /api/v1/trades/{trade_id}": "read",
    "GET /api/v1/trades/{trade_id}/versions": "read",
    "GET /api/v1/webhooks": "webhook",
    "POST /api/v1/webhooks": "webhook",
    "GET /api/v1/webhooks/{webhook_id}": "webhook",
    "PATCH /api/v1/webhooks/{webhook_id}": "webhook",
    "DELETE /api/v1/webhooks/{webhook_id}": "webhook",
    "GET /api/v1/webhooks/{webhook_id}/deliveries": "webhook",
    "GET /api/v1/webhooks/{webhook_id}/deliveries/{event_id}": "webhook",
    "POST /api/v1/webhooks/{webhook_id}/deliveries/{event_id}/resend": "webhook",
    "POST /api/v1/webhooks/{webhook_id}/ping": "webhook",
    "POST /api/v1/webhooks/{webhook_id}/replay": "webhook",
    "POST /api/v1/webhooks/{webhook_id}/rotate": "webhook",
    "GET /api/v1/withdrawals": "read",
    "POST /api/v1/withdrawals": "withdraw",
    "GET /api/v1/withdrawals/{withdrawal_id}": "read",
    "POST /api/v1/withdrawals/{withdrawal_id}/approve": "withdraw",
    "POST /api/v1/withdrawals/{withdrawal_id}/cancel": "withdraw",
}

# Name of a path parameter, or of a member of a body → the kind of object in tests/guard/house.py, and who in a client sees it:
# "account" only keys that name its account, "client" every key of the client, "all" everybody.
OBJECTS = {
    "account_id": ("account", "account"),
    "covers": ("trade", "account"),
    "event_id": ("event", "client"),
    "instrument": ("instrument", "all"),
    "pre_hedge_of": ("rfq", "account"),
    "quote_id": ("quote", "account"),
    "reference": ("reference", "client"),
    "rfq_id": ("rfq", "account"),
    "set_id": ("net_set", "account"),
    "trade_id": ("trade", "account"),
    "webhook_id": ("webhook", "client"),
    "withdrawal_id": ("withdrawal", "account"),
}

# Anyone may read these addresses below /api/ (they say nothing about anybody).
OPEN = {"schema/", "docs/", "docs/errors"}
