"""The resources of the API. Written by tools/generate.py out of the OpenAPI document; not edited by hand."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from . import models as m
from .rest import Api
from .wire import Number, Page, Rows, made_up, path_part


class AccountsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self) -> Rows[m.Account]:
        """The accounts this key may use."""
        return self._caller.ask("GET", "/api/v1/accounts", Rows[m.Account])

    def get(self, account_id: str) -> m.Account:
        """One account."""
        return self._caller.ask("GET", f"/api/v1/accounts/{path_part(account_id)}", m.Account)


class AdjustmentsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, cursor: str | None = None, limit: int | None = None) -> Page[m.Adjustment]:
        """What is owed and is no deal, newest first."""
        return self._caller.ask("GET", "/api/v1/adjustments", Page[m.Adjustment], params={"cursor": cursor, "limit": limit})

    def iterate(self, *, limit: int | None = None) -> Iterator[m.Adjustment]:
        """What is owed and is no deal, newest first: every one, page after page."""
        return self._caller.walk("/api/v1/adjustments", m.Adjustment, {"limit": limit})

    def get(self, adjustment_id: str) -> m.Adjustment:
        """One adjustment."""
        return self._caller.ask("GET", f"/api/v1/adjustments/{path_part(adjustment_id)}", m.Adjustment)


class BalancesResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, account_id: str | None = None, as_of: datetime | None = None, recorded_at: datetime | None = None) -> Rows[m.Balance]:
        """Balances by account and asset: now, or as of a moment, or as they were known at one."""
        return self._caller.ask(
            "GET", "/api/v1/balances", Rows[m.Balance], params={"account_id": account_id, "as_of": as_of, "recorded_at": recorded_at}
        )


class ByClientIdResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def get(self, reference: str, *, created: datetime | None = None) -> m.Outcome:
        """The outcome of an RFQ, order, accept or withdrawal by your own id."""
        return self._caller.ask("GET", f"/api/v1/by-client-id/{path_part(reference)}", m.Outcome, params={"created": created})


class CreditResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self) -> Rows[m.Credit]:
        """Your lines and caps, what is taken of them, and breaches."""
        return self._caller.ask("GET", "/api/v1/credit", Rows[m.Credit])

    def what_if(self, *, deals: Sequence[Mapping[str, Any]], idempotency_key: str = "") -> Rows[m.WhatIf]:
        """What a list of deals would take, one after the other; nothing is stored or reserved."""
        return self._caller.ask("POST", "/api/v1/credit/what-if", Rows[m.WhatIf], body={"deals": deals}, idempotency_key=idempotency_key)


class DepositInstructionsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, account_id: str | None = None) -> m.DepositInstructionList:
        """Where to pay us, by account and asset; signed, so that nobody on the way can name another account."""
        return self._caller.ask("GET", "/api/v1/deposit-instructions", m.DepositInstructionList, params={"account_id": account_id})


class DepositsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, cursor: str | None = None, limit: int | None = None) -> Page[m.Deposit]:
        """Deposits, newest first."""
        return self._caller.ask("GET", "/api/v1/deposits", Page[m.Deposit], params={"cursor": cursor, "limit": limit})

    def iterate(self, *, limit: int | None = None) -> Iterator[m.Deposit]:
        """Deposits, newest first: every one, page after page."""
        return self._caller.walk("/api/v1/deposits", m.Deposit, {"limit": limit})

    def create(self, *, asset: str, amount: Number, account_id: str | None = None, idempotency_key: str = "") -> m.Deposit:
        """Tell what you will pay in."""
        return self._caller.ask(
            "POST",
            "/api/v1/deposits",
            m.Deposit,
            body={"account_id": account_id, "asset": asset, "amount": amount},
            idempotency_key=idempotency_key,
        )

    def get(self, deposit_id: str) -> m.Deposit:
        """One deposit."""
        return self._caller.ask("GET", f"/api/v1/deposits/{path_part(deposit_id)}", m.Deposit)

    def cancel(self, deposit_id: str, *, idempotency_key: str = "") -> m.Deposit:
        """Take back an announced deposit that has not come."""
        return self._caller.ask(
            "POST", f"/api/v1/deposits/{path_part(deposit_id)}/cancel", m.Deposit, body={}, idempotency_key=idempotency_key
        )


class EventTypesResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self) -> Rows[m.EventType]:
        """Every type of event, with the JSON schema of its data."""
        return self._caller.ask("GET", "/api/v1/event-types", Rows[m.EventType])


class EventsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, after_seq: int | None = None, limit: int | None = None) -> m.EventList:
        """What happened, in order, after a sequence number."""
        return self._caller.ask("GET", "/api/v1/events", m.EventList, params={"after_seq": after_seq, "limit": limit})

    def iterate(self, *, after_seq: int | None = None, limit: int | None = None) -> Iterator[m.Event]:
        """What happened, in order, after a sequence number: every one, page after page."""
        return self._caller.walk_seq("/api/v1/events", m.Event, {"after_seq": after_seq, "limit": limit})


class ExposureCallsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, cursor: str | None = None, limit: int | None = None) -> Page[m.ExposureCall]:
        """What we have called you for, newest first."""
        return self._caller.ask("GET", "/api/v1/exposure-calls", Page[m.ExposureCall], params={"cursor": cursor, "limit": limit})

    def iterate(self, *, limit: int | None = None) -> Iterator[m.ExposureCall]:
        """What we have called you for, newest first: every one, page after page."""
        return self._caller.walk("/api/v1/exposure-calls", m.ExposureCall, {"limit": limit})

    def get(self, call_id: str) -> m.ExposureCall:
        """One call."""
        return self._caller.ask("GET", f"/api/v1/exposure-calls/{path_part(call_id)}", m.ExposureCall)


class HedgesResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def create(
        self,
        *,
        counterparty: str,
        book: str,
        execution_id: str,
        instrument: str,
        side: Literal["buy", "sell"],
        quantity: Number,
        price: Number,
        executed_at: datetime,
        quote_quantity: Number | None = None,
        fee: Number | None = None,
        value_date: date | None = None,
        trader: str | None = None,
        covers: str | None = None,
        pre_hedge_of: str | None = None,
        idempotency_key: str = "",
    ) -> m.Hedge:
        """Report a hedge that your system dealt for the house; the same execution again is the same hedge."""
        return self._caller.ask(
            "POST",
            "/api/v1/hedges",
            m.Hedge,
            body={
                "counterparty": counterparty,
                "book": book,
                "execution_id": execution_id,
                "instrument": instrument,
                "side": side,
                "quantity": quantity,
                "price": price,
                "quote_quantity": quote_quantity,
                "fee": fee,
                "executed_at": executed_at,
                "value_date": value_date,
                "trader": trader,
                "covers": covers,
                "pre_hedge_of": pre_hedge_of,
            },
            idempotency_key=idempotency_key,
        )


class InstructionsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, cursor: str | None = None, limit: int | None = None) -> Page[m.Instruction]:
        """Payments made and expected."""
        return self._caller.ask("GET", "/api/v1/instructions", Page[m.Instruction], params={"cursor": cursor, "limit": limit})

    def iterate(self, *, limit: int | None = None) -> Iterator[m.Instruction]:
        """Payments made and expected: every one, page after page."""
        return self._caller.walk("/api/v1/instructions", m.Instruction, {"limit": limit})

    def get(self, instruction_id: str) -> m.Instruction:
        """One payment."""
        return self._caller.ask("GET", f"/api/v1/instructions/{path_part(instruction_id)}", m.Instruction)


class InstrumentsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self) -> Rows[m.Instrument]:
        """What can be dealt."""
        return self._caller.ask("GET", "/api/v1/instruments", Rows[m.Instrument])

    def get(self, instrument: str) -> m.Instrument:
        """One instrument."""
        return self._caller.ask("GET", f"/api/v1/instruments/{path_part(instrument)}", m.Instrument)

    def value_dates(self, instrument: str, *, account_id: str | None = None) -> m.InstrumentValueDateList:
        """Of each tenor: when a deal made now settles, and until when each asset can be sent for it."""
        return self._caller.ask(
            "GET", f"/api/v1/instruments/{path_part(instrument)}/value-dates", m.InstrumentValueDateList, params={"account_id": account_id}
        )


class InvoicesResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(
        self,
        *,
        account_id: str | None = None,
        cursor: str | None = None,
        from_: date | None = None,
        limit: int | None = None,
        to: date | None = None,
    ) -> Page[m.Report]:
        """Invoices of a month each, newest first."""
        return self._caller.ask(
            "GET",
            "/api/v1/invoices",
            Page[m.Report],
            params={"account_id": account_id, "cursor": cursor, "from": from_, "limit": limit, "to": to},
        )

    def iterate(
        self, *, account_id: str | None = None, from_: date | None = None, limit: int | None = None, to: date | None = None
    ) -> Iterator[m.Report]:
        """Invoices of a month each, newest first: every one, page after page."""
        return self._caller.walk("/api/v1/invoices", m.Report, {"account_id": account_id, "from": from_, "limit": limit, "to": to})


class KeyRequestsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, cursor: str | None = None, limit: int | None = None) -> Page[m.KeyRequest]:
        """What was asked for by API, newest first."""
        return self._caller.ask("GET", "/api/v1/key-requests", Page[m.KeyRequest], params={"cursor": cursor, "limit": limit})

    def iterate(self, *, limit: int | None = None) -> Iterator[m.KeyRequest]:
        """What was asked for by API, newest first: every one, page after page."""
        return self._caller.walk("/api/v1/key-requests", m.KeyRequest, {"limit": limit})

    def get(self, key_request_id: str) -> m.KeyRequest:
        """One request for a key."""
        return self._caller.ask("GET", f"/api/v1/key-requests/{path_part(key_request_id)}", m.KeyRequest)


class KeysResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, cursor: str | None = None, limit: int | None = None) -> Page[m.Key]:
        """The keys of your client, newest first."""
        return self._caller.ask("GET", "/api/v1/keys", Page[m.Key], params={"cursor": cursor, "limit": limit})

    def iterate(self, *, limit: int | None = None) -> Iterator[m.Key]:
        """The keys of your client, newest first: every one, page after page."""
        return self._caller.walk("/api/v1/keys", m.Key, {"limit": limit})

    def create(
        self,
        *,
        public_key: str,
        scopes: Sequence[str],
        member_id: str | None = None,
        expires_in_days: int | None = None,
        allowed_cidrs: Sequence[str] | None = None,
        cap_pairs: Sequence[str] | None = None,
        cap_deal_usd: Number | None = None,
        cap_day_usd: Number | None = None,
        account_ids: Sequence[str] | None = None,
        idempotency_key: str = "",
    ) -> m.KeyRequest:
        """Ask for a key; a second person approves it before it is one."""
        return self._caller.ask(
            "POST",
            "/api/v1/keys",
            m.KeyRequest,
            body={
                "member_id": member_id,
                "public_key": public_key,
                "expires_in_days": expires_in_days,
                "scopes": scopes,
                "allowed_cidrs": allowed_cidrs,
                "cap_pairs": cap_pairs,
                "cap_deal_usd": cap_deal_usd,
                "cap_day_usd": cap_day_usd,
                "account_ids": account_ids,
            },
            idempotency_key=idempotency_key,
        )

    def get(self, key_id: str) -> m.Key:
        """One key."""
        return self._caller.ask("GET", f"/api/v1/keys/{path_part(key_id)}", m.Key)

    def revoke(self, key_id: str, *, idempotency_key: str = "") -> m.Key:
        """End a key at once: your own, or as an admin any of your client."""
        return self._caller.ask("POST", f"/api/v1/keys/{path_part(key_id)}/revoke", m.Key, body={}, idempotency_key=idempotency_key)

    def rotate(self, key_id: str, *, public_key: str, expires_in_days: int | None = None, idempotency_key: str = "") -> m.KeyRequest:
        """Ask for the successor of a key, of the same rights; once approved, both live for seven days."""
        return self._caller.ask(
            "POST",
            f"/api/v1/keys/{path_part(key_id)}/rotate",
            m.KeyRequest,
            body={"public_key": public_key, "expires_in_days": expires_in_days},
            idempotency_key=idempotency_key,
        )

    def widen(
        self,
        key_id: str,
        *,
        scopes: Sequence[str],
        allowed_cidrs: Sequence[str] | None = None,
        cap_pairs: Sequence[str] | None = None,
        cap_deal_usd: Number | None = None,
        cap_day_usd: Number | None = None,
        idempotency_key: str = "",
    ) -> m.KeyRequest:
        """Ask for other scopes, networks and caps of a key; a second person approves it."""
        return self._caller.ask(
            "POST",
            f"/api/v1/keys/{path_part(key_id)}/widen",
            m.KeyRequest,
            body={
                "scopes": scopes,
                "allowed_cidrs": allowed_cidrs,
                "cap_pairs": cap_pairs,
                "cap_deal_usd": cap_deal_usd,
                "cap_day_usd": cap_day_usd,
            },
            idempotency_key=idempotency_key,
        )


class LedgerEntriesResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(
        self,
        *,
        account_id: str | None = None,
        asset: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        since: date | None = None,
    ) -> Page[m.LedgerEntry]:
        """Movements of your balances and of what is owed, newest first."""
        return self._caller.ask(
            "GET",
            "/api/v1/ledger-entries",
            Page[m.LedgerEntry],
            params={"account_id": account_id, "asset": asset, "cursor": cursor, "limit": limit, "since": since},
        )

    def iterate(
        self, *, account_id: str | None = None, asset: str | None = None, limit: int | None = None, since: date | None = None
    ) -> Iterator[m.LedgerEntry]:
        """Movements of your balances and of what is owed, newest first: every one, page after page."""
        return self._caller.walk(
            "/api/v1/ledger-entries", m.LedgerEntry, {"account_id": account_id, "asset": asset, "limit": limit, "since": since}
        )

    def get(self, entry_id: str) -> m.LedgerEntry:
        """One movement."""
        return self._caller.ask("GET", f"/api/v1/ledger-entries/{path_part(entry_id)}", m.LedgerEntry)


class LimitsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def get(self) -> m.Limit:
        """Rate limits and caps of this key with what is left of them, and how many keys and webhooks your client has."""
        return self._caller.ask("GET", "/api/v1/limits", m.Limit)


class MembersResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self) -> Rows[m.Member]:
        """The members of your client and what they may do."""
        return self._caller.ask("GET", "/api/v1/members", Rows[m.Member])

    def get(self, member_id: str) -> m.Member:
        """One member."""
        return self._caller.ask("GET", f"/api/v1/members/{path_part(member_id)}", m.Member)

    def close(self, member_id: str, *, idempotency_key: str = "") -> m.Member:
        """One who leaves: closed at once, with every key and socket of theirs and all that waits for a second person."""
        return self._caller.ask("POST", f"/api/v1/members/{path_part(member_id)}/close", m.Member, body={}, idempotency_key=idempotency_key)


class ObligationsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, cursor: str | None = None, limit: int | None = None) -> Page[m.Obligation]:
        """What both sides owe, from deals and adjustments."""
        return self._caller.ask("GET", "/api/v1/obligations", Page[m.Obligation], params={"cursor": cursor, "limit": limit})

    def iterate(self, *, limit: int | None = None) -> Iterator[m.Obligation]:
        """What both sides owe, from deals and adjustments: every one, page after page."""
        return self._caller.walk("/api/v1/obligations", m.Obligation, {"limit": limit})

    def get(self, obligation_id: str) -> m.Obligation:
        """One obligation."""
        return self._caller.ask("GET", f"/api/v1/obligations/{path_part(obligation_id)}", m.Obligation)


class OrdersResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def create(
        self,
        *,
        instrument: str,
        side: Literal["buy", "sell"],
        quantity: Number,
        limit_price: Number,
        time_in_force: Literal["FOK"],
        client_order_id: str = "",
        account_id: str | None = None,
        allocations: Sequence[Mapping[str, Any]] | None = None,
        idempotency_key: str = "",
    ) -> m.Trade:
        """Deal at our price where it is your limit or better."""
        return self._caller.ask(
            "POST",
            "/api/v1/orders",
            m.Trade,
            body={
                "client_order_id": client_order_id or made_up("ord"),
                "account_id": account_id,
                "instrument": instrument,
                "side": side,
                "quantity": quantity,
                "limit_price": limit_price,
                "time_in_force": time_in_force,
                "allocations": allocations,
            },
            idempotency_key=idempotency_key,
        )


class PricesResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def get(self, instrument: str) -> m.Price:
        """The merged book, indicative: before your spread and fee."""
        return self._caller.ask("GET", f"/api/v1/prices/{path_part(instrument)}", m.Price)


class QuotesResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def get(self, quote_id: str) -> m.Quote:
        """One quote."""
        return self._caller.ask("GET", f"/api/v1/quotes/{path_part(quote_id)}", m.Quote)

    def accept(
        self, quote_id: str, *, side: Literal["buy", "sell"], price: Number, client_order_id: str = "", idempotency_key: str = ""
    ) -> m.Trade:
        """Deal at the quote's price: never refused for price or credit while the quote lives."""
        return self._caller.ask(
            "POST",
            f"/api/v1/quotes/{path_part(quote_id)}/accept",
            m.Trade,
            body={"client_order_id": client_order_id or made_up("ord"), "side": side, "price": price},
            idempotency_key=idempotency_key,
        )

    def counter(self, quote_id: str, *, side: Literal["buy", "sell"], price: Number, idempotency_key: str = "") -> m.Rfq:
        """Name your limit: the quote ends, and a person answers with another one, or not."""
        return self._caller.ask(
            "POST",
            f"/api/v1/quotes/{path_part(quote_id)}/counter",
            m.Rfq,
            body={"side": side, "price": price},
            idempotency_key=idempotency_key,
        )

    def decline(self, quote_id: str, *, idempotency_key: str = "") -> m.Quote:
        """Say no to a quote."""
        return self._caller.ask("POST", f"/api/v1/quotes/{path_part(quote_id)}/decline", m.Quote, body={}, idempotency_key=idempotency_key)


class ReceiptsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, account_id: str | None = None, cursor: str | None = None, limit: int | None = None) -> Page[m.Receipt]:
        """Money that came for your accounts, newest first."""
        return self._caller.ask(
            "GET", "/api/v1/receipts", Page[m.Receipt], params={"account_id": account_id, "cursor": cursor, "limit": limit}
        )

    def iterate(self, *, account_id: str | None = None, limit: int | None = None) -> Iterator[m.Receipt]:
        """Money that came for your accounts, newest first: every one, page after page."""
        return self._caller.walk("/api/v1/receipts", m.Receipt, {"account_id": account_id, "limit": limit})

    def get(self, receipt_id: str) -> m.Receipt:
        """One receipt."""
        return self._caller.ask("GET", f"/api/v1/receipts/{path_part(receipt_id)}", m.Receipt)


class ReportsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(
        self,
        *,
        account_id: str | None = None,
        cursor: str | None = None,
        from_: date | None = None,
        limit: int | None = None,
        report: Literal["statement", "invoice"] | None = None,
        to: date | None = None,
    ) -> Page[m.Report]:
        """Every document of your accounts, newest first."""
        return self._caller.ask(
            "GET",
            "/api/v1/reports",
            Page[m.Report],
            params={"account_id": account_id, "cursor": cursor, "from": from_, "limit": limit, "report": report, "to": to},
        )

    def iterate(
        self,
        *,
        account_id: str | None = None,
        from_: date | None = None,
        limit: int | None = None,
        report: Literal["statement", "invoice"] | None = None,
        to: date | None = None,
    ) -> Iterator[m.Report]:
        """Every document of your accounts, newest first: every one, page after page."""
        return self._caller.walk(
            "/api/v1/reports", m.Report, {"account_id": account_id, "from": from_, "limit": limit, "report": report, "to": to}
        )

    def get(self, report_id: str) -> m.Report:
        """One document."""
        return self._caller.ask("GET", f"/api/v1/reports/{path_part(report_id)}", m.Report)

    def csv(self, report_id: str) -> bytes:
        """A document's figures, as a table."""
        return self._caller.ask("GET", f"/api/v1/reports/{path_part(report_id)}/csv", bytes)

    def pdf(self, report_id: str) -> bytes:
        """A document to print."""
        return self._caller.ask("GET", f"/api/v1/reports/{path_part(report_id)}/pdf", bytes)


class RfqsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        status: Literal["RECEIVED", "PICKED_UP", "ON_HOLD", "QUOTED", "FILLED", "CANCELLED", "DECLINED", "REJECTED", "EXPIRED"]
        | None = None,
    ) -> Page[m.Rfq]:
        """Your requests, newest first."""
        return self._caller.ask("GET", "/api/v1/rfqs", Page[m.Rfq], params={"cursor": cursor, "limit": limit, "status": status})

    def iterate(
        self,
        *,
        limit: int | None = None,
        status: Literal["RECEIVED", "PICKED_UP", "ON_HOLD", "QUOTED", "FILLED", "CANCELLED", "DECLINED", "REJECTED", "EXPIRED"]
        | None = None,
    ) -> Iterator[m.Rfq]:
        """Your requests, newest first: every one, page after page."""
        return self._caller.walk("/api/v1/rfqs", m.Rfq, {"limit": limit, "status": status})

    def create(
        self,
        *,
        instrument: str,
        side: Literal["buy", "sell", "two_way"],
        client_rfq_id: str = "",
        account_id: str | None = None,
        quantity: Number | None = None,
        quote_quantity: Number | None = None,
        tenor: Literal["T+0", "T+1", "T+2"] | None = None,
        ttl_ms: int | None = None,
        respond_within_ms: int | None = None,
        stream: bool | None = None,
        allocations: Sequence[Mapping[str, Any]] | None = None,
        idempotency_key: str = "",
    ) -> m.Rfq:
        """Ask for a firm price."""
        return self._caller.ask(
            "POST",
            "/api/v1/rfqs",
            m.Rfq,
            body={
                "client_rfq_id": client_rfq_id or made_up("rfq"),
                "account_id": account_id,
                "instrument": instrument,
                "side": side,
                "quantity": quantity,
                "quote_quantity": quote_quantity,
                "tenor": tenor,
                "ttl_ms": ttl_ms,
                "respond_within_ms": respond_within_ms,
                "stream": stream,
                "allocations": allocations,
            },
            idempotency_key=idempotency_key,
        )

    def get(self, rfq_id: str) -> m.Rfq:
        """One request with its last quote."""
        return self._caller.ask("GET", f"/api/v1/rfqs/{path_part(rfq_id)}", m.Rfq)

    def allocations(self, rfq_id: str) -> Rows[m.RfqAllocation]:
        """The shares planned for a request's deal, what was said last first."""
        return self._caller.ask("GET", f"/api/v1/rfqs/{path_part(rfq_id)}/allocations", Rows[m.RfqAllocation])

    def create_allocation(self, rfq_id: str, *, allocations: Sequence[Mapping[str, Any]], idempotency_key: str = "") -> m.RfqAllocation:
        """Say while a request is open how its deal shall be shared out; in place of what was said before."""
        return self._caller.ask(
            "POST",
            f"/api/v1/rfqs/{path_part(rfq_id)}/allocations",
            m.RfqAllocation,
            body={"allocations": allocations},
            idempotency_key=idempotency_key,
        )

    def delete_allocation(self, rfq_id: str, *, idempotency_key: str = "") -> m.RfqAllocation:
        """Plan nothing after all: the request's own account takes the whole deal."""
        return self._caller.ask(
            "DELETE", f"/api/v1/rfqs/{path_part(rfq_id)}/allocations", m.RfqAllocation, body={}, idempotency_key=idempotency_key
        )

    def cancel(self, rfq_id: str, *, idempotency_key: str = "") -> m.Rfq:
        """Take a request back."""
        return self._caller.ask("POST", f"/api/v1/rfqs/{path_part(rfq_id)}/cancel", m.Rfq, body={}, idempotency_key=idempotency_key)

    def validate(
        self,
        *,
        instrument: str,
        side: Literal["buy", "sell", "two_way"],
        client_rfq_id: str = "",
        account_id: str | None = None,
        quantity: Number | None = None,
        quote_quantity: Number | None = None,
        tenor: Literal["T+0", "T+1", "T+2"] | None = None,
        ttl_ms: int | None = None,
        respond_within_ms: int | None = None,
        stream: bool | None = None,
        allocations: Sequence[Mapping[str, Any]] | None = None,
        idempotency_key: str = "",
    ) -> m.RfqValidate:
        """Every check that this request would meet, all problems at once; nothing is stored or taken, and no id is used up."""
        return self._caller.ask(
            "POST",
            "/api/v1/rfqs/validate",
            m.RfqValidate,
            body={
                "client_rfq_id": client_rfq_id or made_up("rfq"),
                "account_id": account_id,
                "instrument": instrument,
                "side": side,
                "quantity": quantity,
                "quote_quantity": quote_quantity,
                "tenor": tenor,
                "ttl_ms": ttl_ms,
                "respond_within_ms": respond_within_ms,
                "stream": stream,
                "allocations": allocations,
            },
            idempotency_key=idempotency_key,
        )


class SettlementsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, cursor: str | None = None, limit: int | None = None) -> Page[m.SettlementResult]:
        """Net settlements, newest first."""
        return self._caller.ask("GET", "/api/v1/settlements", Page[m.SettlementResult], params={"cursor": cursor, "limit": limit})

    def iterate(self, *, limit: int | None = None) -> Iterator[m.SettlementResult]:
        """Net settlements, newest first: every one, page after page."""
        return self._caller.walk("/api/v1/settlements", m.SettlementResult, {"limit": limit})

    def get(self, set_id: str) -> m.Settlement:
        """One net settlement with its lines."""
        return self._caller.ask("GET", f"/api/v1/settlements/{path_part(set_id)}", m.Settlement)

    def agree(self, set_id: str, *, idempotency_key: str = "") -> m.SettlementResult:
        """Agree to a net settlement."""
        return self._caller.ask(
            "POST", f"/api/v1/settlements/{path_part(set_id)}/agree", m.SettlementResult, body={}, idempotency_key=idempotency_key
        )

    def dispute(self, set_id: str, *, lines: Sequence[Mapping[str, Any]], idempotency_key: str = "") -> m.SettlementResult:
        """Dispute lines of a net settlement; nothing of it is paid until you agree or it is made anew."""
        return self._caller.ask(
            "POST",
            f"/api/v1/settlements/{path_part(set_id)}/dispute",
            m.SettlementResult,
            body={"lines": lines},
            idempotency_key=idempotency_key,
        )

    def preview(self) -> Rows[m.SettlementPreview]:
        """What would be netted at the cut-offs ahead, out of what is booked now."""
        return self._caller.ask("GET", "/api/v1/settlements/preview", Rows[m.SettlementPreview])


class SsisResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(
        self,
        *,
        account_id: str | None = None,
        asset: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        status: Literal["DRAFT", "VERIFYING", "APPROVED", "ACTIVE", "SUSPENDED", "REJECTED", "REVOKED", "EXPIRED"] | None = None,
    ) -> Page[m.Ssi]:
        """Where you are paid, newest first, with what was before."""
        return self._caller.ask(
            "GET",
            "/api/v1/ssis",
            Page[m.Ssi],
            params={"account_id": account_id, "asset": asset, "cursor": cursor, "limit": limit, "status": status},
        )

    def iterate(
        self,
        *,
        account_id: str | None = None,
        asset: str | None = None,
        limit: int | None = None,
        status: Literal["DRAFT", "VERIFYING", "APPROVED", "ACTIVE", "SUSPENDED", "REJECTED", "REVOKED", "EXPIRED"] | None = None,
    ) -> Iterator[m.Ssi]:
        """Where you are paid, newest first, with what was before: every one, page after page."""
        return self._caller.walk("/api/v1/ssis", m.Ssi, {"account_id": account_id, "asset": asset, "limit": limit, "status": status})

    def create(
        self,
        *,
        asset: str,
        rail: str,
        address: str,
        account_id: str | None = None,
        bic: str | None = None,
        self_hosted: bool | None = None,
        valid_until: datetime | None = None,
        idempotency_key: str = "",
    ) -> m.Ssi:
        """Propose a settlement instruction in your own name; another member approves it, we verify it, and it cools off."""
        return self._caller.ask(
            "POST",
            "/api/v1/ssis",
            m.Ssi,
            body={
                "account_id": account_id,
                "asset": asset,
                "rail": rail,
                "address": address,
                "bic": bic,
                "self_hosted": self_hosted,
                "valid_until": valid_until,
            },
            idempotency_key=idempotency_key,
        )

    def get(self, ssi_id: str) -> m.Ssi:
        """One settlement instruction."""
        return self._caller.ask("GET", f"/api/v1/ssis/{path_part(ssi_id)}", m.Ssi)

    def approve(self, ssi_id: str, *, idempotency_key: str = "") -> m.Ssi:
        """Approve a settlement instruction that another member proposed; we verify it then."""
        return self._caller.ask("POST", f"/api/v1/ssis/{path_part(ssi_id)}/approve", m.Ssi, body={}, idempotency_key=idempotency_key)

    def revoke(self, ssi_id: str, *, idempotency_key: str = "") -> m.Ssi:
        """End a settlement instruction at once: payments to it that have not left wait for another one."""
        return self._caller.ask("POST", f"/api/v1/ssis/{path_part(ssi_id)}/revoke", m.Ssi, body={}, idempotency_key=idempotency_key)


class StatementsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(
        self,
        *,
        account_id: str | None = None,
        cursor: str | None = None,
        from_: date | None = None,
        limit: int | None = None,
        to: date | None = None,
    ) -> Page[m.Report]:
        """Statements of account, newest first."""
        return self._caller.ask(
            "GET",
            "/api/v1/statements",
            Page[m.Report],
            params={"account_id": account_id, "cursor": cursor, "from": from_, "limit": limit, "to": to},
        )

    def iterate(
        self, *, account_id: str | None = None, from_: date | None = None, limit: int | None = None, to: date | None = None
    ) -> Iterator[m.Report]:
        """Statements of account, newest first: every one, page after page."""
        return self._caller.walk("/api/v1/statements", m.Report, {"account_id": account_id, "from": from_, "limit": limit, "to": to})


class StatisticsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(
        self,
        *,
        from_: datetime | None = None,
        group: Literal["instrument", "hour"] | None = None,
        instrument: str | None = None,
        to: datetime | None = None,
    ) -> m.StatisticsList:
        """Sums of your requests and deals, with ratios and response times."""
        return self._caller.ask(
            "GET", "/api/v1/statistics", m.StatisticsList, params={"from": from_, "group": group, "instrument": instrument, "to": to}
        )


class TimeResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def get(self) -> m.Clocks:
        """The clock that decides, and the one that signatures are held to."""
        return self._caller.ask("GET", "/api/v1/time", m.Clocks)


class TokensResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def create(self, *, idempotency_key: str = "") -> m.Token:
        """A bearer token that reads what this key may read, for 15 minutes at most."""
        return self._caller.ask("POST", "/api/v1/tokens", m.Token, body={}, idempotency_key=idempotency_key)


class TradesResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, cursor: str | None = None, instrument: str | None = None, limit: int | None = None) -> Page[m.Trade]:
        """Your deals, newest first."""
        return self._caller.ask("GET", "/api/v1/trades", Page[m.Trade], params={"cursor": cursor, "instrument": instrument, "limit": limit})

    def iterate(self, *, instrument: str | None = None, limit: int | None = None) -> Iterator[m.Trade]:
        """Your deals, newest first: every one, page after page."""
        return self._caller.walk("/api/v1/trades", m.Trade, {"instrument": instrument, "limit": limit})

    def get(self, trade_id: str, *, as_known_at: datetime | None = None, effective_at: datetime | None = None) -> m.Trade:
        """One deal, as it is or as it was known or true at a moment."""
        return self._caller.ask(
            "GET", f"/api/v1/trades/{path_part(trade_id)}", m.Trade, params={"as_known_at": as_known_at, "effective_at": effective_at}
        )

    def affirm(self, trade_id: str, *, version: int, idempotency_key: str = "") -> m.TradeConfirmation:
        """Affirm a deal: this version is what you dealt."""
        return self._caller.ask(
            "POST",
            f"/api/v1/trades/{path_part(trade_id)}/affirm",
            m.TradeConfirmation,
            body={"version": version},
            idempotency_key=idempotency_key,
        )

    def allocations(self, trade_id: str) -> m.TradeAllocationList:
        """How a deal is shared out."""
        return self._caller.ask("GET", f"/api/v1/trades/{path_part(trade_id)}/allocations", m.TradeAllocationList)

    def create_allocation(
        self, trade_id: str, *, allocations: Sequence[Mapping[str, Any]], idempotency_key: str = ""
    ) -> Rows[m.TradeAllocation]:
        """Share a deal out to your other accounts, before it is netted; each share is checked like a deal of its account."""
        return self._caller.ask(
            "POST",
            f"/api/v1/trades/{path_part(trade_id)}/allocations",
            Rows[m.TradeAllocation],
            body={"allocations": allocations},
            idempotency_key=idempotency_key,
        )

    def reverse(self, trade_id: str, allocation_id: str, *, idempotency_key: str = "") -> m.TradeAllocation:
        """Give a share back to the deal's own account."""
        return self._caller.ask(
            "POST",
            f"/api/v1/trades/{path_part(trade_id)}/allocations/{path_part(allocation_id)}/reverse",
            m.TradeAllocation,
            body={},
            idempotency_key=idempotency_key,
        )

    def confirmation(self, trade_id: str, *, version: int | None = None) -> m.TradeConfirmation:
        """The confirmation of a deal, one a version."""
        return self._caller.ask(
            "GET", f"/api/v1/trades/{path_part(trade_id)}/confirmation", m.TradeConfirmation, params={"version": version}
        )

    def pdf(self, trade_id: str, *, version: int | None = None) -> bytes:
        """The confirmation of a deal as PDF."""
        return self._caller.ask("GET", f"/api/v1/trades/{path_part(trade_id)}/confirmation/pdf", bytes, params={"version": version})

    def dispute(
        self,
        trade_id: str,
        *,
        version: int,
        reason: Literal["PRICE", "QUANTITY", "SIDE", "FEE", "VALUE_DATE", "DUPLICATE", "NOT_DEALT", "OTHER"],
        detail: str | None = None,
        idempotency_key: str = "",
    ) -> m.TradeDispute:
        """Dispute a deal: what is open of it stays out of net sets until it is resolved."""
        return self._caller.ask(
            "POST",
            f"/api/v1/trades/{path_part(trade_id)}/dispute",
            m.TradeDispute,
            body={"version": version, "reason": reason, "detail": detail},
            idempotency_key=idempotency_key,
        )

    def withdraw(self, trade_id: str, *, reason: str, idempotency_key: str = "") -> m.TradeDispute:
        """Take a dispute back."""
        return self._caller.ask(
            "POST",
            f"/api/v1/trades/{path_part(trade_id)}/dispute/withdraw",
            m.TradeDispute,
            body={"reason": reason},
            idempotency_key=idempotency_key,
        )

    def timeline(self, trade_id: str) -> m.TradeTimelineList:
        """What happened to a deal, in order: request, quotes, deal, net set, payments."""
        return self._caller.ask("GET", f"/api/v1/trades/{path_part(trade_id)}/timeline", m.TradeTimelineList)

    def versions(self, trade_id: str) -> Rows[m.TradeVersion]:
        """Every version of a deal, the deal as dealt first."""
        return self._caller.ask("GET", f"/api/v1/trades/{path_part(trade_id)}/versions", Rows[m.TradeVersion])


class WebhooksResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, cursor: str | None = None, limit: int | None = None) -> Page[m.Webhook]:
        """Your endpoints, newest first."""
        return self._caller.ask("GET", "/api/v1/webhooks", Page[m.Webhook], params={"cursor": cursor, "limit": limit})

    def iterate(self, *, limit: int | None = None) -> Iterator[m.Webhook]:
        """Your endpoints, newest first: every one, page after page."""
        return self._caller.walk("/api/v1/webhooks", m.Webhook, {"limit": limit})

    def create(
        self,
        *,
        url: str,
        description: str | None = None,
        types: Sequence[str] | None = None,
        order: Literal["object", "parallel"] | None = None,
        signature: Literal["v1a", "v1"] | None = None,
        idempotency_key: str = "",
    ) -> m.WebhookSecrets:
        """An endpoint that is sent what happens from now on."""
        return self._caller.ask(
            "POST",
            "/api/v1/webhooks",
            m.WebhookSecrets,
            body={"url": url, "description": description, "types": types, "order": order, "signature": signature},
            idempotency_key=idempotency_key,
        )

    def get(self, webhook_id: str) -> m.Webhook:
        """One endpoint."""
        return self._caller.ask("GET", f"/api/v1/webhooks/{path_part(webhook_id)}", m.Webhook)

    def update(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        description: str | None = None,
        types: Sequence[str] | None = None,
        order: Literal["object", "parallel"] | None = None,
        status: Literal["ACTIVE"] | None = None,
        idempotency_key: str = "",
    ) -> m.Webhook:
        """Change it; what is not given stays."""
        return self._caller.ask(
            "PATCH",
            f"/api/v1/webhooks/{path_part(webhook_id)}",
            m.Webhook,
            body={"url": url, "description": description, "types": types, "order": order, "status": status},
            idempotency_key=idempotency_key,
        )

    def delete(self, webhook_id: str, *, idempotency_key: str = "") -> m.Webhook:
        """Disable it: nothing is sent any more, its log stays."""
        return self._caller.ask("DELETE", f"/api/v1/webhooks/{path_part(webhook_id)}", m.Webhook, body={}, idempotency_key=idempotency_key)

    def deliveries(
        self,
        webhook_id: str,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        status: Literal["PENDING", "RETRYING", "SENT"] | None = None,
        type: Literal[
            "rfq.received",
            "rfq.quoted",
            "rfq.picked_up",
            "rfq.held",
            "rfq.resumed",
            "rfq.released",
            "rfq.taken_over",
            "rfq.reopened",
            "rfq.cancelled",
            "rfq.declined",
            "rfq.rejected",
            "rfq.expired",
            "quote.accepted",
            "quote.declined",
            "quote.countered",
            "quote.replaced",
            "quote.withdrawn",
            "quote.expired",
            "trade.booked",
            "trade.corrected",
            "trade.cancelled",
            "confirmation.sent",
            "confirmation.reminded",
            "confirmation.affirmed",
            "confirmation.disputed",
            "dispute.opened",
            "dispute.upheld",
            "dispute.rejected",
            "dispute.withdrawn",
            "allocation.planned",
            "allocation.plan_ended",
            "allocation.accepted",
            "allocation.rejected",
            "allocation.reversed",
            "value_date.moved",
            "trade.settled",
            "net_set.frozen",
            "net_set.agreed",
            "net_set.disputed",
            "obligation.excluded",
            "net_set.aborted",
            "settlement.settled",
            "instruction.sent",
            "instruction.settled",
            "instruction.unconfirmed",
            "instruction.failed",
            "instruction.returned",
            "instruction.payment_sent",
            "instruction.payment_settled",
            "instruction.payment_unconfirmed",
            "instruction.payment_failed",
            "instruction.payment_returned",
            "receipt.credited",
            "receipt.quarantined",
            "receipt.returned",
            "receipt.unmatched",
            "receipt.reverted",
            "deposit.announced",
            "deposit.credited",
            "deposit.cancelled",
            "deposit.reversed",
            "withdrawal.requested",
            "withdrawal.approved",
            "withdrawal.held",
            "withdrawal.settled",
            "withdrawal.cancelled",
            "withdrawal.rejected",
            "ssi.proposed",
            "ssi.entered",
            "ssi.verifying",
            "ssi.approved",
            "ssi.active",
            "ssi.suspended",
            "ssi.rejected",
            "ssi.revoked",
            "ssi.expired",
            "exposure_call.issued",
            "exposure_call.met",
            "exposure_call.withdrawn",
            "trade.closed_out",
            "net_set.closed_out",
            "close_out.determined",
            "adjustment.booked",
            "adjustment.settled",
            "adjustment.reversed",
            "fair_use.warned",
            "fair_use.stopped",
            "fair_use.cleared",
            "rfq.refused",
            "rfq.cancel.refused",
            "accept.refused",
            "decline.refused",
            "counter.refused",
            "order.refused",
            "allocate.refused",
            "allocation.reverse.refused",
            "allocation.plan.refused",
            "allocation.unplan.refused",
            "affirm.refused",
            "dispute.refused",
            "dispute.withdraw.refused",
            "settlement.dispute.refused",
            "settlement.agree.refused",
            "deposit.announce.refused",
            "deposit.cancel.refused",
            "withdrawal.refused",
            "withdrawal.approve.refused",
            "withdrawal.cancel.refused",
            "ssi.propose.refused",
            "ssi.approve.refused",
            "ssi.revoke.refused",
            "key.issued",
            "key.widened",
            "key.expiring",
            "key.ended",
            "account.opened",
            "terms.changed",
            "member.closed",
            "member.close.refused",
            "sandbox.clock.refused",
            "sandbox.client.refused",
            "sandbox.act.refused",
            "key.ask.refused",
            "key.revoke.refused",
            "token.refused",
            "hedge.refused",
            "webhook.refused",
            "webhook.created",
            "webhook.changed",
            "webhook.rotated",
            "webhook.disabled",
            "webhook.degraded",
            "webhook.recovered",
            "webhook.pinged",
        ]
        | None = None,
    ) -> Page[m.WebhookDeliverySummary]:
        """What went, or is to go, to an endpoint, newest first; 90 days back."""
        return self._caller.ask(
            "GET",
            f"/api/v1/webhooks/{path_part(webhook_id)}/deliveries",
            Page[m.WebhookDeliverySummary],
            params={"cursor": cursor, "limit": limit, "status": status, "type": type},
        )

    def iterate_deliveries(
        self,
        webhook_id: str,
        *,
        limit: int | None = None,
        status: Literal["PENDING", "RETRYING", "SENT"] | None = None,
        type: Literal[
            "rfq.received",
            "rfq.quoted",
            "rfq.picked_up",
            "rfq.held",
            "rfq.resumed",
            "rfq.released",
            "rfq.taken_over",
            "rfq.reopened",
            "rfq.cancelled",
            "rfq.declined",
            "rfq.rejected",
            "rfq.expired",
            "quote.accepted",
            "quote.declined",
            "quote.countered",
            "quote.replaced",
            "quote.withdrawn",
            "quote.expired",
            "trade.booked",
            "trade.corrected",
            "trade.cancelled",
            "confirmation.sent",
            "confirmation.reminded",
            "confirmation.affirmed",
            "confirmation.disputed",
            "dispute.opened",
            "dispute.upheld",
            "dispute.rejected",
            "dispute.withdrawn",
            "allocation.planned",
            "allocation.plan_ended",
            "allocation.accepted",
            "allocation.rejected",
            "allocation.reversed",
            "value_date.moved",
            "trade.settled",
            "net_set.frozen",
            "net_set.agreed",
            "net_set.disputed",
            "obligation.excluded",
            "net_set.aborted",
            "settlement.settled",
            "instruction.sent",
            "instruction.settled",
            "instruction.unconfirmed",
            "instruction.failed",
            "instruction.returned",
            "instruction.payment_sent",
            "instruction.payment_settled",
            "instruction.payment_unconfirmed",
            "instruction.payment_failed",
            "instruction.payment_returned",
            "receipt.credited",
            "receipt.quarantined",
            "receipt.returned",
            "receipt.unmatched",
            "receipt.reverted",
            "deposit.announced",
            "deposit.credited",
            "deposit.cancelled",
            "deposit.reversed",
            "withdrawal.requested",
            "withdrawal.approved",
            "withdrawal.held",
            "withdrawal.settled",
            "withdrawal.cancelled",
            "withdrawal.rejected",
            "ssi.proposed",
            "ssi.entered",
            "ssi.verifying",
            "ssi.approved",
            "ssi.active",
            "ssi.suspended",
            "ssi.rejected",
            "ssi.revoked",
            "ssi.expired",
            "exposure_call.issued",
            "exposure_call.met",
            "exposure_call.withdrawn",
            "trade.closed_out",
            "net_set.closed_out",
            "close_out.determined",
            "adjustment.booked",
            "adjustment.settled",
            "adjustment.reversed",
            "fair_use.warned",
            "fair_use.stopped",
            "fair_use.cleared",
            "rfq.refused",
            "rfq.cancel.refused",
            "accept.refused",
            "decline.refused",
            "counter.refused",
            "order.refused",
            "allocate.refused",
            "allocation.reverse.refused",
            "allocation.plan.refused",
            "allocation.unplan.refused",
            "affirm.refused",
            "dispute.refused",
            "dispute.withdraw.refused",
            "settlement.dispute.refused",
            "settlement.agree.refused",
            "deposit.announce.refused",
            "deposit.cancel.refused",
            "withdrawal.refused",
            "withdrawal.approve.refused",
            "withdrawal.cancel.refused",
            "ssi.propose.refused",
            "ssi.approve.refused",
            "ssi.revoke.refused",
            "key.issued",
            "key.widened",
            "key.expiring",
            "key.ended",
            "account.opened",
            "terms.changed",
            "member.closed",
            "member.close.refused",
            "sandbox.clock.refused",
            "sandbox.client.refused",
            "sandbox.act.refused",
            "key.ask.refused",
            "key.revoke.refused",
            "token.refused",
            "hedge.refused",
            "webhook.refused",
            "webhook.created",
            "webhook.changed",
            "webhook.rotated",
            "webhook.disabled",
            "webhook.degraded",
            "webhook.recovered",
            "webhook.pinged",
        ]
        | None = None,
    ) -> Iterator[m.WebhookDeliverySummary]:
        """What went, or is to go, to an endpoint, newest first; 90 days back: every one, page after page."""
        return self._caller.walk(
            f"/api/v1/webhooks/{path_part(webhook_id)}/deliveries",
            m.WebhookDeliverySummary,
            {"limit": limit, "status": status, "type": type},
        )

    def delivery(self, webhook_id: str, event_id: str) -> m.WebhookDelivery:
        """One delivery with every try."""
        return self._caller.ask("GET", f"/api/v1/webhooks/{path_part(webhook_id)}/deliveries/{path_part(event_id)}", m.WebhookDelivery)

    def resend(self, webhook_id: str, event_id: str, *, idempotency_key: str = "") -> m.WebhookDeliverySummary:
        """Send it again, or try it now; it keeps its webhook-id."""
        return self._caller.ask(
            "POST",
            f"/api/v1/webhooks/{path_part(webhook_id)}/deliveries/{path_part(event_id)}/resend",
            m.WebhookDeliverySummary,
            body={},
            idempotency_key=idempotency_key,
        )

    def ping(self, webhook_id: str, *, idempotency_key: str = "") -> m.WebhookPing:
        """Send a message to try it with: webhook.pinged, to this endpoint alone."""
        return self._caller.ask(
            "POST", f"/api/v1/webhooks/{path_part(webhook_id)}/ping", m.WebhookPing, body={}, idempotency_key=idempotency_key
        )

    def replay(
        self,
        webhook_id: str,
        *,
        after_seq: int | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        idempotency_key: str = "",
    ) -> m.WebhookReplay:
        """Send a range of events again, those that never went there too: at most 10,000 at once, 90 days back."""
        return self._caller.ask(
            "POST",
            f"/api/v1/webhooks/{path_part(webhook_id)}/replay",
            m.WebhookReplay,
            body={"after_seq": after_seq, "from": from_, "to": to},
            idempotency_key=idempotency_key,
        )

    def rotate(self, webhook_id: str, *, signature: Literal["v1a", "v1"] | None = None, idempotency_key: str = "") -> m.WebhookSecrets:
        """A new key; the one before signs beside it for 24 hours, an older one ends now."""
        return self._caller.ask(
            "POST",
            f"/api/v1/webhooks/{path_part(webhook_id)}/rotate",
            m.WebhookSecrets,
            body={"signature": signature},
            idempotency_key=idempotency_key,
        )


class WithdrawalsResource:
    def __init__(self, caller: Api) -> None:
        self._caller = caller

    def list(self, *, cursor: str | None = None, limit: int | None = None) -> Page[m.Withdrawal]:
        """Withdrawals, newest first."""
        return self._caller.ask("GET", "/api/v1/withdrawals", Page[m.Withdrawal], params={"cursor": cursor, "limit": limit})

    def iterate(self, *, limit: int | None = None) -> Iterator[m.Withdrawal]:
        """Withdrawals, newest first: every one, page after page."""
        return self._caller.walk("/api/v1/withdrawals", m.Withdrawal, {"limit": limit})

    def create(
        self, *, asset: str, amount: Number, account_id: str | None = None, client_reference: str = "", idempotency_key: str = ""
    ) -> m.Withdrawal:
        """Ask for a withdrawal to your active settlement instruction; a second member approves it."""
        return self._caller.ask(
            "POST",
            "/api/v1/withdrawals",
            m.Withdrawal,
            body={"account_id": account_id, "asset": asset, "amount": amount, "client_reference": client_reference or made_up("ref")},
            idempotency_key=idempotency_key,
        )

    def get(self, withdrawal_id: str) -> m.Withdrawal:
        """One withdrawal."""
        return self._caller.ask("GET", f"/api/v1/withdrawals/{path_part(withdrawal_id)}", m.Withdrawal)

    def approve(self, withdrawal_id: str, *, idempotency_key: str = "") -> m.Withdrawal:
        """Approve a withdrawal that another member asked for; its amount is held."""
        return self._caller.ask(
            "POST", f"/api/v1/withdrawals/{path_part(withdrawal_id)}/approve", m.Withdrawal, body={}, idempotency_key=idempotency_key
        )

    def cancel(self, withdrawal_id: str, *, idempotency_key: str = "") -> m.Withdrawal:
        """Take a withdrawal back."""
        return self._caller.ask(
            "POST", f"/api/v1/withdrawals/{path_part(withdrawal_id)}/cancel", m.Withdrawal, body={}, idempotency_key=idempotency_key
        )


class Resources:
    """One attribute for each resource of the API."""

    def __init__(self, caller: Api) -> None:
        self.accounts = AccountsResource(caller)
        self.adjustments = AdjustmentsResource(caller)
        self.balances = BalancesResource(caller)
        self.by_client_id = ByClientIdResource(caller)
        self.credit = CreditResource(caller)
        self.deposit_instructions = DepositInstructionsResource(caller)
        self.deposits = DepositsResource(caller)
        self.event_types = EventTypesResource(caller)
        self.events = EventsResource(caller)
        self.exposure_calls = ExposureCallsResource(caller)
        self.hedges = HedgesResource(caller)
        self.instructions = InstructionsResource(caller)
        self.instruments = InstrumentsResource(caller)
        self.invoices = InvoicesResource(caller)
        self.key_requests = KeyRequestsResource(caller)
        self.keys = KeysResource(caller)
        self.ledger_entries = LedgerEntriesResource(caller)
        self.limits = LimitsResource(caller)
        self.members = MembersResource(caller)
        self.obligations = ObligationsResource(caller)
        self.orders = OrdersResource(caller)
        self.prices = PricesResource(caller)
        self.quotes = QuotesResource(caller)
        self.receipts = ReceiptsResource(caller)
        self.reports = ReportsResource(caller)
        self.rfqs = RfqsResource(caller)
        self.settlements = SettlementsResource(caller)
        self.ssis = SsisResource(caller)
        self.statements = StatementsResource(caller)
        self.statistics = StatisticsResource(caller)
        self.time = TimeResource(caller)
        self.tokens = TokensResource(caller)
        self.trades = TradesResource(caller)
        self.webhooks = WebhooksResource(caller)
        self.withdrawals = WithdrawalsResource(caller)
