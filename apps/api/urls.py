"""REST, version 1."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from . import errors_page, problems
from .v1 import accounts, event_types, events, hedges, market, orders, outcomes, quotes, rfqs, settlement, statistics, trades, webhooks

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("docs/errors", errors_page.errors, name="errors"),
    path("v1/instruments", market.Instruments.as_view()),
    path("v1/prices/<str:instrument>", market.Prices.as_view()),
    path("v1/time", market.Time.as_view()),
    path("v1/accounts", accounts.Accounts.as_view()),
    path("v1/balances", accounts.Balances.as_view()),
    path("v1/rfqs", rfqs.Rfqs.as_view()),
    path("v1/rfqs/<str:rfq_id>", rfqs.OneRfq.as_view()),
    path("v1/rfqs/<str:rfq_id>/cancel", rfqs.CancelRfq.as_view()),
    path("v1/quotes/<str:quote_id>", quotes.OneQuote.as_view()),
    path("v1/quotes/<str:quote_id>/accept", quotes.AcceptQuote.as_view()),
    path("v1/quotes/<str:quote_id>/decline", quotes.DeclineQuote.as_view()),
    path("v1/quotes/<str:quote_id>/counter", quotes.CounterQuote.as_view()),
    path("v1/orders", orders.Orders.as_view()),
    path("v1/trades", trades.Trades.as_view()),
    path("v1/trades/<str:trade_id>", trades.OneTrade.as_view()),
    path("v1/hedges", hedges.Hedges.as_view()),
    path("v1/obligations", settlement.Obligations.as_view()),
    path("v1/settlements", settlement.NetSets.as_view()),
    path("v1/settlements/<str:set_id>", settlement.OneNetSet.as_view()),
    path("v1/settlements/<str:set_id>/agree", settlement.AgreeNetSet.as_view()),
    path("v1/instructions", settlement.Instructions.as_view()),
    path("v1/deposits", settlement.Deposits.as_view()),
    path("v1/withdrawals", settlement.Withdrawals.as_view()),
    path("v1/withdrawals/<str:withdrawal_id>", settlement.OneWithdrawal.as_view()),
    path("v1/withdrawals/<str:withdrawal_id>/approve", settlement.ApproveWithdrawal.as_view()),
    path("v1/withdrawals/<str:withdrawal_id>/cancel", settlement.CancelWithdrawal.as_view()),
    path("v1/statistics", statistics.Statistics.as_view()),
    path("v1/events", events.Events.as_view()),
    path("v1/event-types", event_types.EventTypes.as_view()),
    path("v1/webhooks", webhooks.Webhooks.as_view()),
    path("v1/webhooks/<str:webhook_id>", webhooks.OneWebhook.as_view()),
    path("v1/webhooks/<str:webhook_id>/rotate", webhooks.RotateWebhook.as_view()),
    path("v1/webhooks/<str:webhook_id>/ping", webhooks.PingWebhook.as_view()),
    path("v1/webhooks/<str:webhook_id>/replay", webhooks.ReplayWebhook.as_view()),
    path("v1/webhooks/<str:webhook_id>/deliveries", webhooks.Deliveries.as_view()),
    path("v1/webhooks/<str:webhook_id>/deliveries/<str:event_id>", webhooks.OneDelivery.as_view()),
    path("v1/webhooks/<str:webhook_id>/deliveries/<str:event_id>/resend", webhooks.ResendDelivery.as_view()),
    path("v1/by-client-id/<str:reference>", outcomes.ByClientId.as_view()),
    path("", problems.nowhere),
    path("<path:rest>", problems.nowhere),
]
