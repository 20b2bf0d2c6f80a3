"""Every state machine with the tables whose status it rules."""

from typing import Any

from apps.approvals.states import APPROVAL
from apps.clients.states import CLIENT, SSI
from apps.close.states import BREAK, CLOSING, DAY, MONTH, SHORTFALL
from apps.compliance.states import ALERT, MESSAGE
from apps.core.states import Machine
from apps.credit.states import CALL, RESERVATION
from apps.ledger.states import HOLD
from apps.notify.states import DELIVERY, ENDPOINT, POST
from apps.pricing.states import MARK_SET
from apps.reports.states import RUN
from apps.rfqs.states import QUOTE, RFQ
from apps.settlement.states import (
    ADJUSTMENT,
    DEPOSIT,
    HOUSE_TRANSFER,
    INSTRUCTION,
    NET_LEG,
    NET_SET,
    OBLIGATION,
    RECEIPT,
    REPLACEMENT,
    WITHDRAWAL,
)
from apps.trades.states import ALLOCATION, CONFIRMATION, DISPUTE, HEDGE, PLAN, TRADE

TABLES: dict[str, Machine[Any]] = {
    "approvals_approval": APPROVAL,
    "clients_counterparty": CLIENT,
    "clients_account": CLIENT,
    "clients_ssi": SSI,
    "close_break": BREAK,
    "close_businessday": DAY,
    "close_closing": CLOSING,
    "close_month": MONTH,
    "close_shortfall": SHORTFALL,
    "compliance_alert": ALERT,
    "compliance_travelmessage": MESSAGE,
    "credit_exposurecall": CALL,
    "credit_reservation": RESERVATION,
    "ledger_hold": HOLD,
    "notify_delivery": DELIVERY,
    "notify_endpoint": ENDPOINT,
    "notify_post": POST,
    "pricing_markset": MARK_SET,
    "reports_reportrun": RUN,
    "rfqs_quote": QUOTE,
    "rfqs_rfq": RFQ,
    "settlement_adjustment": ADJUSTMENT,
    "settlement_deposit": DEPOSIT,
    "settlement_housetransfer": HOUSE_TRANSFER,
    "settlement_instruction": INSTRUCTION,
    "settlement_netleg": NET_LEG,
    "settlement_netset": NET_SET,
    "settlement_obligation": OBLIGATION,
    "settlement_receipt": RECEIPT,
    "settlement_replacement": REPLACEMENT,
    "settlement_withdrawal": WITHDRAWAL,
    "trades_allocation": ALLOCATION,
    "trades_allocationplan": PLAN,
    "trades_confirmation": CONFIRMATION,
    "trades_dispute": DISPUTE,
    "trades_hedge": HEDGE,
    "trades_trade": TRADE,
}
