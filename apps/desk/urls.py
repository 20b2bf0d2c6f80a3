"""Every address of our own people's site but the admin's."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from .views import approvals, blotter, deal, halts, home, login, position, rfqs, search, settlement, statistics, ticket, webhooks

app_name = "desk"
urlpatterns = [
    path("", login.front, name="front"),
    path("favicon.ico", login.favicon),
    path("login/", login.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("admin/login/", login.admin_login),
    path("admin/logout/", LogoutView.as_view()),
    path("desk/", home.home_page, name="home"),
    path("desk/rfqs/", rfqs.rfq_list, name="rfqs"),
    path("desk/rfqs/<str:rfq>/", rfqs.rfq_page, name="rfq"),
    path("desk/rfqs/<str:rfq>/ticket/", ticket.ticket_page, name="ticket"),
    path("desk/rfqs/<str:rfq>/send/", ticket.send, name="send"),
    path("desk/rfqs/<str:rfq>/<str:act>/", rfqs.act, name="rfq-act"),
    path("desk/blotter/", blotter.blotter_page, name="blotter"),
    path("desk/blotter.csv", blotter.blotter_csv, name="blotter-csv"),
    path("desk/deals/<str:trade>/", deal.deal_page, name="deal"),
    path("desk/position/", position.position_page, name="position"),
    path("desk/statistics/", statistics.statistics_page, name="statistics"),
    path("desk/settlement/", settlement.settlement_page, name="settlement"),
    path("desk/settlement/release/", settlement.release, name="release"),
    path("desk/settlement/receipts/<str:receipt>/", settlement.receipt, name="receipt"),
    path("desk/approvals/", approvals.approval_list, name="approvals"),
    path("desk/approvals/<uuid:approval>/", approvals.approval_page, name="approval"),
    path("desk/approvals/<uuid:approval>/decide/", approvals.decide, name="decide"),
    path("desk/halts/", halts.halt_list, name="halts"),
    path("desk/halts/throw/", halts.throw, name="throw"),
    path("desk/halts/payments/lift/", halts.resume, name="resume"),
    path("desk/halts/<uuid:halt>/lift/", halts.lift, name="lift"),
    path("desk/webhooks/", webhooks.webhook_list, name="webhooks"),
    path("desk/webhooks/<str:webhook>/", webhooks.webhook_page, name="webhook"),
    path("desk/webhooks/<str:webhook>/<str:event>/resend/", webhooks.resend, name="webhook-resend"),
    path("desk/search/", search.search_page, name="search"),
]
