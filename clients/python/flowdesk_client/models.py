"""What the API answers, typed. Written by tools/generate.py out of the OpenAPI document; not edited by hand."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .wire import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(Model):
    id: str  #: acc_…
    code: str
    name: str
    status: str  #: PROSPECT, ONBOARDING, REFUSED, APPROVED, RESTRICTED, SUSPENDED, OFFBOARDED
    is_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment(Model):
    id: str  #: adj_…
    account_id: str  #: acc_…
    kind: str  #: what it is for: REBATE, COMPENSATION, LATE_INTEREST, CHARGE, COMMISSION, WRITE_OFF, CLOSE_OUT, FEES
    direction: str  #: yours: you pay or you receive: pay, receive
    asset: str  #: code
    amount: Decimal  #: in units of the asset
    value_date: date  #: when it is due
    status: str  #: REVERSED: it is taken back, and nothing is owed from it: BOOKED, SETTLED, REVERSED
    reason: str  #: why it is owed
    trade_id: str | None  #: trd_… of the deal it is about
    booked_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Model):
    outcome: str  #: answered, refused, never_received, unknown_yet
    status: int | None = None  #: the HTTP status that was answered
    answer: dict[str, Any] | None = None  #: the stored answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit(Model):
    id: str  #: dep_…
    account_id: str  #: acc_…
    asset: str  #: code
    amount: Decimal
    status: str  #: EXPECTED, CREDITED, CANCELLED, REVERSED
    receipt_id: str | None
    created_at: datetime
    credited_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureCall(Model):
    id: str  #: call_…
    status: str  #: OVERDUE is ISSUED and past due_at: ISSUED, OVERDUE, MET, WITHDRAWN
    amount: Decimal  #: what your exposure is to come down by, or what you pay
    currency: str  #: USD
    reason: str  #: why we call
    issued_at: datetime
    due_at: datetime  #: met by then
    ended_at: datetime | None = None  #: when it was met or withdrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionPayment(Model):
    part: int  #: from 1 on
    attempt: int  #: at this part
    amount: Decimal
    #: as of an instruction: PENDING, SENDING, SENT, PART_SETTLED, SETTLED, FAILED, RETURNED, CANCELLED, EXPECTED, PART_RECEIVED,
    #: RECEIVED
    status: str
    reference: str  #: of this payment; its remittance names the instruction's
    sent_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction(Model):
    id: str  #: ins_…
    account_id: str | None
    direction: str  #: yours: you pay or you receive: pay, receive
    asset: str  #: code
    amount: Decimal
    settled_amount: Decimal
    #: PENDING to RETURNED: what we pay; EXPECTED to RECEIVED: what you pay: PENDING, SENDING, SENT, PART_SETTLED, SETTLED, FAILED,
    #: RETURNED, CANCELLED, EXPECTED, PART_RECEIVED, RECEIVED
    status: str
    reference: str  #: to be quoted with the payment
    attempt: int
    payments: list[InstructionPayment]
    net_leg_id: str | None
    obligation_id: str | None
    withdrawal_id: str | None
    due_date: date
    sent_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument(Model):
    id: str  #: e.g. BTC-USD
    base: str  #: code
    quote: str  #: code
    tick: Decimal  #: price step
    step: Decimal  #: quantity step
    min_quantity: Decimal  #: base
    max_quantity: Decimal  #: base
    base_decimals: int
    quote_decimals: int
    default_tenor: str  #: T+n unless you ask for another
    tenor: str | None = None  #: the same, of keys of version 2026-09-01: read default_tenor


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest(Model):
    id: str  #: apr_…
    kind: str  #: NEW, WIDEN
    status: str  #: REQUESTED, APPROVED, REJECTED, EXECUTED, FAILED, STALE, WITHDRAWN, EXPIRED
    key_id: str | None  #: of a new key once it is EXECUTED
    scopes: list[str]
    allowed_cidrs: list[str]
    requested_at: datetime
    expires_at: datetime | None  #: nobody can approve it after that
    decided_at: datetime | None
    comment: str  #: of who decided


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCaps(Model):
    pairs: list[str] | None = None  #: only these
    deal_usd: Decimal | None = None  #: a deal, in USD
    day_usd: Decimal | None = None  #: a trade date, in USD


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(Model):
    key_id: str  #: ak_…, as `keyid` names it
    member_id: str  #: mem_…: whose it is
    member: str  #: their name
    status: str  #: ACTIVE, EXPIRED, REVOKED
    scopes: list[str]
    account_ids: list[str]  #: none: every account that its member has authority for
    allowed_cidrs: list[str]  #: networks that it may come from; none: any
    caps: KeyCaps
    api_version: str  #: which answers it gets
    created_at: datetime
    expires_at: datetime  #: you are told 30, 7 and 1 days before
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntryLine(Model):
    account_id: str  #: acc_…
    asset: str  #: code
    of: str  #: what we hold for you, what you owe us, what we owe you: balance, receivable, payable
    amount: Decimal  #: in your favour; negative: against you
    balance: Decimal  #: right after it, the same way round
    version: int  #: 1, 2, … of this balance, without gap


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry(Model):
    id: str  #: ent_…
    kind: str  #: what happened
    source_id: str | None  #: what it came from, e.g. trd_…
    narrative: str
    business_date: date
    effective_at: datetime  #: desk time
    recorded_at: datetime  #: wall time
    lines: list[LedgerEntryLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRate(Model):
    policy: str  #: as RateLimit-Policy and a 429 name it: requests, rfqs
    limit: int  #: in a window
    window_s: int  #: seconds
    remaining: int  #: in the running window, after this request
    resets_in_s: int  #: seconds until the next window


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCount(Model):
    of: str  #: what is counted, of your client: keys, webhooks
    limit: int
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCap(Model):
    of: str  #: pairs, deal_usd, day_usd
    limit: str  #: USD; of pairs, their list
    used: Decimal | None = None  #: of day_usd: dealt on this trade date


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(Model):
    rates: list[LimitRate]
    counts: list[LimitCount]
    caps: list[LimitCap]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAuthority(Model):
    account_id: str  #: acc_…
    roles: list[str]
    dealing_limit: str | None  #: USD a deal; null: none of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Model):
    id: str  #: mem_…
    name: str
    status: str  #: SUSPENDED: does not act for now: ACTIVE, SUSPENDED, CLOSED
    valid_until: str | None
    authorities: list[MemberAuthority]  #: on the accounts that this key names


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation(Model):
    id: str  #: obl_…
    account_id: str  #: acc_…
    trade_id: str | None  #: trd_… of the deal it is from
    adjustment_id: str | None  #: adj_… of the adjustment it is from
    direction: str  #: yours: you pay or you receive: pay, receive
    asset: str  #: code
    amount: Decimal
    settled_amount: Decimal
    value_date: date
    status: str  #: OPEN, NETTED, INSTRUCTED, PART_SETTLED, SETTLED, CANCELLED, CLOSED_OUT
    net_leg_id: str | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Model):
    instrument: str
    firm: bool  #: always false: ask for a quote
    bid: Decimal  #: the best
    ask: Decimal  #: the best
    mid: Decimal
    bids: list[list[Decimal]]
    asks: list[list[Decimal]]
    as_of: datetime  #: when it was put together, of prices at most seconds older


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteSource(Model):
    venue: str
    instrument: str
    age_ms: int
    mid: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteSide(Model):
    price: Decimal  #: of one base unit, in the quote asset
    quantity: Decimal  #: base
    quote_quantity: Decimal  #: quantity × price, rounded once
    fee: Decimal  #: in the quote asset
    client_pays: Decimal  #: in all
    client_receives: Decimal  #: in all
    headroom_before: Decimal  #: of the binding line or balance
    headroom_after: Decimal  #: once this is dealt
    headroom_currency: str  #: its currency
    binding: str  #: whose limit binds: GROUP, CLIENT, ACCOUNT, BALANCE
    binding_measure: str | None = None  #: which of its limits; not of a balance: PRE_SETTLEMENT, SETTLEMENT, DAILY


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote(Model):
    id: str  #: quo_…
    rfq_id: str  #: rfq_…
    number: int  #: 1, 2, … of its request
    status: str  #: OPEN and its ends: OPEN, ACCEPTED, DECLINED, COUNTERED, WITHDRAWN, EXPIRED, SUPERSEDED
    firm: bool
    value_date: date  #: both legs settle on it
    cutoffs: dict[str, datetime]  #: by asset
    created_at: datetime  #: it lives from here
    expires_at: datetime  #: an accept received before this trades
    reference_mid: Decimal  #: mid of the book it was made from
    spread_bps: Decimal  #: between the book's price for the size and yours
    sources: list[QuoteSource]
    response_time_us: int | None  #: from your request's arrival to this answer; null of a later one
    buy: QuoteSide | None = None
    sell: QuoteSide | None = None
    good_until: datetime | None = None  #: of a superseded quote: an accept received before this trades
    reason: str | None = None  #: why it was withdrawn: DESK, KILL_SWITCH, FEED_LOST, CLIENT_STATUS, CLIENT, FILLED
    quote_receipt: str | None = None  #: compact JWS (EdDSA) over what was quoted; verify it with a key of /.well-known/jwks.json


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Model):
    id: str  #: rcp_…
    account_id: str | None
    asset: str  #: code
    amount: Decimal
    reference: str  #: the rail's
    remittance: str  #: what was written with it
    value_date: date
    #: QUARANTINED: people look at it, and it is credited or goes back: CLEARED, MATCHED, QUARANTINED, RETURN_DUE, RETURNED, REVERTED
    status: str
    reason: str | None  #: `under_review` while people look at it
    final_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportChain(Model):
    number: int  #: last block of the audit chain when the document was made
    head: str  #: of that block, hexadecimal; both stand in the document's footer
    signed: str  #: number, head, document and the files' digests as a JWS (EdDSA, by a key of /.well-known/jwks.json)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile(Model):
    format: str  #: csv, pdf
    sha256: str  #: of the file's bytes, hexadecimal
    bytes: int
    url: str  #: GET it, signed as any other


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Model):
    id: str  #: rep_…
    report: str  #: statement, invoice
    account_id: str  #: acc_…
    business_date: date  #: of an invoice: the last day of its month
    version: int  #: a correction is a new document of the next version
    number: str  #: of statements and invoices: gapless per client and kind
    made_at: datetime
    files: list[ReportFile]
    chain: ReportChain | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RfqLimit(Model):
    side: str  #: buy or sell
    price: Decimal  #: the worst you take: of your last counter, or of an order


@dataclass(frozen=True, slots=True, kw_only=True)
class RfqFix(Model):
    quote_status: int  #: FIX tag 297
    quote_request_reject_reason: int | None = None  #: FIX tag 658


@dataclass(frozen=True, slots=True, kw_only=True)
class RfqWarning(Model):
    code: str  #: possible_duplicate
    rfq_id: str  #: the request of a moment before that looks the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Rfq(Model):
    id: str  #: rfq_…
    client_rfq_id: str | None  #: yours; an order or a deal booked on your behalf has none
    account_id: str  #: acc_…
    account: str  #: its code
    instrument: str  #: e.g. BTC-USD
    side: str  #: buy, sell or two_way
    quantity: Decimal | None
    quote_quantity: Decimal | None
    tenor: str  #: T+n
    value_date: date
    channel: str  #: API, ORDER, VOICE, CHAT
    stream: bool  #: each new price is a new quote
    #: RECEIVED means a person prices it: RECEIVED, PICKED_UP, ON_HOLD, QUOTED, FILLED, CANCELLED, DECLINED, REJECTED, EXPIRED
    status: str
    received_at: datetime
    respond_by: datetime  #: without a price by then it expires
    limit: RfqLimit | None = None
    reason: str | None = None  #: why it ended, or why it waits
    fix: RfqFix | None = None
    warnings: list[RfqWarning] | None = None
    quote: Quote | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementLeg(Model):
    id: str  #: leg_…
    asset: str  #: code
    direction: str  #: yours: you pay or you receive: pay, receive
    amount: Decimal  #: net
    settled_amount: Decimal
    status: str  #: OPEN, INSTRUCTED, PART_SETTLED, SETTLED, CLOSED_OUT


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementLine(Model):
    id: str  #: obl_…
    account_id: str  #: acc_…
    trade_id: str | None  #: trd_… of the deal it is from
    adjustment_id: str | None  #: adj_… of the adjustment it is from
    direction: str  #: yours: you pay or you receive: pay, receive
    asset: str  #: code
    amount: Decimal
    settled_amount: Decimal
    value_date: date
    status: str  #: OPEN, NETTED, INSTRUCTED, PART_SETTLED, SETTLED, CANCELLED, CLOSED_OUT
    net_leg_id: str | None
    settled_at: datetime | None
    disputed: str | None  #: why you do not agree it


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement(Model):
    id: str  #: set_…
    account_id: str  #: acc_…
    value_date: date
    cutoff_at: datetime  #: what was booked by then is in it
    status: str  #: FROZEN: yours to agree or dispute: FROZEN, AGREED, DISPUTED, ABORTED, SETTLING, SETTLED, CLOSED_OUT
    agree_by: str | None
    legs: list[SettlementLeg]
    lines: list[SettlementLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ssi(Model):
    id: str  #: ssi_…
    account_id: str  #: acc_…
    asset: str  #: code
    rail: str  #: how it is paid, e.g. fedwire-usd
    holder: str  #: the owner of the account: nobody else is ever paid
    address: str  #: IBAN, account number or wallet address
    bic: str  #: of the bank; empty for a wallet
    self_hosted: bool  #: a wallet whose keys you hold yourself
    status: str  #: DRAFT, VERIFYING, APPROVED, ACTIVE, SUSPENDED, REJECTED, REVOKED, EXPIRED
    proposed_by: str | None  #: mem_…; null: from your onboarding file, or entered by us
    entered_by_us: bool  #: on your word; revoke it where nobody of yours gave it
    approved_by: str | None  #: mem_…
    created_at: datetime
    active_from: str | None  #: it has cooled off by then
    valid_until: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks(Model):
    desk: datetime
    wall: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Money(Model):
    asset: str  #: code
    amount: Decimal  #: in all


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade(Model):
    id: str  #: trd_…
    quote_id: str | None
    rfq_id: str | None
    client_order_id: str | None
    account_id: str | None
    instrument: str  #: e.g. BTC-USD
    status: str  #: ACTIVE, CANCELLED
    version: int
    side: str  #: yours: buy, sell
    price: Decimal  #: of one base unit
    quantity: Decimal  #: base
    quote_quantity: Decimal  #: before the fee
    fee: Decimal  #: in fee_asset
    fee_asset: str  #: code
    client_pays: Money
    client_receives: Money
    trade_date: date
    value_date: date
    booked_at: datetime
    settlement_status: str  #: of what is owed from it, now: OPEN, PART_SETTLED, SETTLED, CANCELLED, CLOSED_OUT


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeConfirmationDocumentHouse(Model):
    name: str  #: ours
    lei: str  #: ours


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeConfirmationDocumentClient(Model):
    name: str  #: yours
    lei: str  #: yours
    account: str  #: its code


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeConfirmationDocument(Model):
    number: int | None  #: yours, without gaps; null while it is DUE
    house: TradeConfirmationDocumentHouse
    client: TradeConfirmationDocumentClient
    trade_id: str  #: trd_…
    client_order_id: str | None
    instrument: str  #: e.g. BTC-USD
    trade_date: date
    booked_at: datetime
    version: int
    action: str  #: NEW, CORRECT, CANCEL
    reason: str  #: why, empty for the deal as dealt: , CLIENT_ERROR, DESK_ERROR, MANIFEST_ERROR, DUPLICATE, ALLOCATION, STATIC_DATA
    note: str  #: why, in words
    consent: str  #: where your agreement to it lies
    side: str  #: yours: buy, sell
    price: Decimal  #: of one base unit
    quantity: Decimal  #: base
    quote_quantity: Decimal  #: before the fee
    fee: Decimal  #: in fee_asset
    fee_asset: str  #: code
    client_pays: Money
    client_receives: Money
    value_date: date
    effective_at: datetime  #: from when it is true


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeConfirmation(Model):
    trade_id: str  #: trd_…
    version: int
    status: str  #: DUE, SENT, AFFIRMED, DISPUTED, SUPERSEDED
    document: TradeConfirmationDocument
    number: int | None = None  #: yours, without gaps
    digest: str | None = None  #: SHA-256 of `document` as JSON with sorted keys and no spaces, in hexadecimal
    due_at: datetime | None = None  #: answer by then
    sent_at: datetime | None = None
    answered_at: datetime | None = None  #: affirmed or disputed
    answered_by: str | None = None  #: you, us on your behalf


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookKey(Model):
    generation: int
    signature: str  #: of Standard Webhooks: v1a is Ed25519, v1 HMAC-SHA256: v1a, v1
    public_key: str | None  #: whpk_…, to verify v1a with; null for v1
    created_at: datetime
    expires_at: datetime | None  #: after a rotation: it signs until then


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Model):
    id: str  #: whe_…
    url: str  #: where it goes
    description: str  #: yours
    types: list[str]
    accounts: list[str] | None  #: those of the key that made it; null: all of the client, later ones too
    #: object: what concerns one object comes in order, each after the one before was answered; parallel: as soon as it can: object,
    #: parallel
    order: str
    status: str  #: DEGRADED: it has not answered for 75 hours; it is still tried: ACTIVE, DEGRADED, DISABLED
    keys: list[WebhookKey]
    last_seq: int  #: events up to this one have been queued for it
    waiting: int  #: deliveries that wait
    failures: int  #: in a row
    failing_since: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDeliveryTried(Model):
    number: int
    began_at: datetime
    took_ms: int
    status_code: int | None
    #: status, redirect, timeout, connect_failed, connection_lost, tls_failed, bad_answer, name_not_found, name_timeout,
    #: address_not_allowed, key_unreadable, sender_lost
    error: str | None
    answer: str  #: the first 500 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery(Model):
    event_id: str  #: evt_…: also the webhook-id of the message, at every try
    type: str
    seq: int
    status: str  #: RETRYING: failed at least once: PENDING, RETRYING, SENT
    attempts: int
    next_try_at: datetime | None
    created_at: datetime
    sent_at: datetime | None
    tried: list[WebhookDeliveryTried]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal(Model):
    id: str  #: wdr_…
    account_id: str  #: acc_…
    client_reference: str  #: yours
    asset: str  #: code
    amount: Decimal
    ssi_id: str  #: where it goes: your active settlement instruction
    status: str  #: REQUESTED, CLIENT_APPROVED, HELD, INSTRUCTED, SETTLED, CANCELLED, REJECTED
    requested_by: str  #: mem_…
    approved_by: str | None
    requested_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance(Model):
    account_id: str  #: acc_…
    asset: str  #: code
    posted: Decimal  #: what we hold for you; negative: you owe it
    held: Decimal  #: set aside for quotes and withdrawals
    available: Decimal  #: posted − held
    receivable: Decimal  #: what you owe from deals not settled
    payable: Decimal  #: what we owe you from deals not settled


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditDay(Model):
    day: date  #: value date, or business date of a daily cap
    reserved: Decimal  #: by quotes
    used: Decimal  #: by deals


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit(Model):
    level: str  #: whose line; of a group only its headroom is told: GROUP, CLIENT, ACCOUNT
    measure: str  #: what it bounds: PRE_SETTLEMENT, SETTLEMENT, DAILY, DEAL
    account_id: str | None  #: acc_… of an account's line
    currency: str  #: USD
    headroom: Decimal  #: what is left; of a line that counts by day, on its worst day
    limit: Decimal | None = None  #: line plus excess, 0 outside its dates
    reserved: Decimal | None = None  #: by quotes
    used: Decimal | None = None  #: by deals not settled
    revalued: Decimal | None = None  #: what live marks add to it
    excess_until: datetime | None = None  #: while an excess counts
    valid_until: datetime | None = None  #: the line ends
    days: list[CreditDay] | None = None
    breach: str | None = None  #: until it is cured only risk-reducing deals: MARKS, LINE_CUT, EXPIRED, AGREED


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositInstruction(Model):
    account_id: str  #: acc_…: the account that it is credited to
    asset: str  #: code
    rail: str  #: how it is sent, e.g. fedwire-usd
    holder: str  #: whose account it is
    address: str  #: IBAN, account number or wallet address
    bic: str  #: of its bank; empty for a wallet
    bank: str  #: its bank
    version: int  #: counts the changes
    pay_from: list[str]  #: addresses of yours that we know: what comes from another one is looked at first


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositInstructionList(Model):
    data: list[DepositInstruction]
    signed: str  #: the same as a JWS (EdDSA, by a key of /.well-known/jwks.json)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType(Model):
    type: str  #: noun.past
    about: str  #: when it comes
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Model):
    id: str  #: evt_…
    seq: int  #: gapless per client
    type: str  #: noun.past
    ts: datetime  #: when it was recorded
    data: dict[str, Any]  #: as the resource of the same name


@dataclass(frozen=True, slots=True, kw_only=True)
class EventListSkipped(Model):
    to: int
    from_: int | None = field(default=None, metadata={"wire": "from"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventList(Model):
    data: list[Event]
    skipped: list[EventListSkipped]  #: numbers of events that belong to accounts which the key does not name, both ends inclusive
    through_seq: int  #: how far this page goes, skipped ones too: the next after_seq
    top_seq: int  #: the last there is


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentValueDate(Model):
    tenor: str  #: T+n: T+0, T+1, T+2
    available: bool  #: false: its cut-off has passed, or today is no good day for one of the assets
    value_date: date  #: both legs settle on it; where it is not available, the next one that is
    cutoffs: dict[str, datetime]  #: by asset; an asset without one is sent all day
    detail: str | None = None  #: why it is not available


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentValueDateList(Model):
    instrument: str  #: e.g. BTC-USD
    as_of: datetime  #: desk time
    data: list[InstrumentValueDate]


@dataclass(frozen=True, slots=True, kw_only=True)
class RfqAllocationAllocation(Model):
    account_id: str  #: acc_…
    quantity: Decimal | None = None  #: base
    percent: Decimal | None = None  #: of the whole deal; what rounding leaves goes to the largest share


@dataclass(frozen=True, slots=True, kw_only=True)
class RfqAllocation(Model):
    rfq_id: str  #: rfq_…
    number: int  #: 1, 2, … of its request: the last one counts
    #: PLANNED while the request is open; DONE: the deal was shared out so, each share ACCEPTED or REJECTED by its account; REFUSED: it
    #: could not be, and its own account keeps all of it: PLANNED, REPLACED, WITHDRAWN, LAPSED, DONE, REFUSED
    status: str
    planned_at: datetime
    allocations: list[RfqAllocationAllocation]
    ended_at: datetime | None = None  #: when it was replaced, withdrawn, lapsed or carried out
    trade_id: str | None = None  #: trd_… that it was for
    refusal: str | None = None  #: of a REFUSED one: the code
    detail: str | None = None  #: why


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementResult(Model):
    id: str  #: set_…
    account_id: str  #: acc_…
    value_date: date
    cutoff_at: datetime  #: what was booked by then is in it
    status: str  #: FROZEN: yours to agree or dispute: FROZEN, AGREED, DISPUTED, ABORTED, SETTLING, SETTLED, CLOSED_OUT
    agree_by: str | None
    legs: list[SettlementLeg]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementPreviewLeg(Model):
    asset: str  #: code
    direction: str  #: yours: you pay or you receive: pay, receive
    amount: Decimal  #: net
    set_off: Decimal  #: what pays itself


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementPreview(Model):
    account_id: str  #: acc_…
    value_date: date
    cutoff_at: datetime  #: what is booked by then is in it
    netted: bool  #: without payment netting on file each obligation is paid by itself
    legs: list[SettlementPreviewLeg]
    obligation_ids: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsResponseTimesAuto(Model):
    count: int
    p50_us: int | None  #: microseconds, within 3.2 % of the exact percentile
    p99_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsResponseTimes(Model):
    auto: StatisticsResponseTimesAuto
    desk: StatisticsResponseTimesAuto
    accept: StatisticsResponseTimesAuto


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics(Model):
    instrument: str  #: e.g. BTC-USD; - for requests that named none we know
    requests: int
    priced_by_person: int
    quoted: int  #: requests that had a firm price
    quotes: int  #: firm prices, each next one of a request counted
    deals: int
    declined: int
    cancelled: int
    expired: int
    rejected: int  #: requests that a person rejected
    withdrawn: int  #: quotes that we took back
    refused: int  #: requests and orders refused by a rule
    accepts_refused: int  #: e.g. because they came too late; with them orders whose limit was not met
    hit_ratio: Decimal | None  #: deals / quoted
    reject_ratio: Decimal | None  #: (refused + rejected) / (requests + refused)
    reasons: dict[str, int]  #: e.g. rfq.credit_exceeded, accept.quote_expired
    response_times: StatisticsResponseTimes  #: of an automatic quote, a person's first quote, an accept
    hour: datetime | None = None  #: its beginning; with group=hour only


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsList(Model):
    to: datetime  #: exclusive
    data: list[Statistics]
    from_: datetime | None = field(default=None, metadata={"wire": "from"})  #: inclusive


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeAllocation(Model):
    id: str  #: alc_…
    trade_id: str  #: trd_…
    account_id: str  #: acc_…
    quantity: Decimal  #: base
    status: str  #: PROPOSED, ACCEPTED, REJECTED, REVERSED
    proposed_at: datetime
    refusal: str | None = None  #: of a REJECTED one: the code, as a deal of that account would be refused
    detail: str | None = None  #: why


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeAllocationList(Model):
    data: list[TradeAllocation]
    unallocated: Decimal  #: base that the deal's own account settles


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeTimeline(Model):
    id: str  #: evt_…
    seq: int  #: as in /events
    type: str  #: listed in /event-types
    at: datetime  #: desk time: when it took effect
    data: dict[str, Any]  #: as it was told then


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeTimelineList(Model):
    trade_id: str  #: trd_…
    data: list[TradeTimeline]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeVersion(Model):
    version: int
    action: str  #: NEW, CORRECT, CANCEL
    reason: str  #: why, empty for the deal as dealt: , CLIENT_ERROR, DESK_ERROR, MANIFEST_ERROR, DUPLICATE, ALLOCATION, STATIC_DATA
    note: str  #: why, in words
    consent: str  #: where your agreement to it lies
    side: str  #: yours: buy, sell
    price: Decimal  #: of one base unit
    quantity: Decimal  #: base
    quote_quantity: Decimal  #: before the fee
    fee: Decimal  #: in fee_asset
    fee_asset: str  #: code
    client_pays: Money
    client_receives: Money
    value_date: date
    effective_at: datetime  #: from when it is true
    recorded_at: datetime | None = None  #: when we recorded it


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDeliverySummary(Model):
    event_id: str  #: evt_…: also the webhook-id of the message, at every try
    type: str
    seq: int
    status: str  #: RETRYING: failed at least once: PENDING, RETRYING, SENT
    attempts: int
    next_try_at: datetime | None
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeDifference(Model):
    field: str  #: which
    ours: str  #: as booked
    theirs: str  #: in the LP's record


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge(Model):
    id: str  #: trd_…
    execution_id: str  #: the LP's
    status: str  #: what the LP's own record says: UNCONFIRMED, CONFIRMED, BREAK, CANCELLED
    instrument: str  #: e.g. BTC-USD
    side: str  #: ours: buy, sell
    quantity: Decimal  #: base
    price: Decimal  #: of one base unit
    quote_quantity: Decimal  #: before the fee
    fee: Decimal  #: the LP's, in fee_asset
    fee_asset: str  #: code
    pays: Money
    receives: Money
    executed_at: datetime
    trade_date: date
    value_date: date
    covers: str | None
    pre_hedge_of: str | None
    differences: list[HedgeDifference]


@dataclass(frozen=True, slots=True, kw_only=True)
class RfqValidateProblem(Model):
    status: int  #: of the answer, were it the only problem
    code: str  #: listed in docs/errors.md; of a field that cannot be read, what is wrong with it
    detail: str  #: what is wrong
    retry: str  #: whether the same may be sent again: safe, after, never, check_status
    pointer: str | None = None  #: RFC 6901: the member it is about


@dataclass(frozen=True, slots=True, kw_only=True)
class RfqValidateBuy(Model):
    headroom_before: Decimal  #: of the limit that binds
    headroom_after: Decimal  #: were it dealt
    headroom_currency: str  #: its currency
    binding: str  #: whose limit binds: GROUP, CLIENT, ACCOUNT, BALANCE, NONE
    binding_measure: str | None = None  #: which of its limits; not of a balance: PRE_SETTLEMENT, SETTLEMENT, DAILY, DEAL


@dataclass(frozen=True, slots=True, kw_only=True)
class RfqValidate(Model):
    valid: bool  #: it would not be refused
    outcome: str  #: QUOTED: priced at once. RECEIVED: a person would price it: QUOTED, RECEIVED, REFUSED
    problems: list[RfqValidateProblem]  #: every one; a request is answered with the first
    value_date: date | None = None
    cutoffs: dict[str, datetime] | None = None  #: of the value date, by asset
    buy: RfqValidateBuy | None = None
    sell: RfqValidateBuy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token(Model):
    token: str | None  #: told once, in the first answer; a repeated answer says null
    token_type: str  #: Bearer
    expires_at: datetime  #: 15 minutes from now, by the wall clock; earlier where its key ends
    scopes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeDispute(Model):
    id: str  #: dsp_…
    trade_id: str  #: trd_…
    version: int
    status: str  #: OPEN, UPHELD, REJECTED, WITHDRAWN
    reason: str  #: PRICE, QUANTITY, SIDE, FEE, VALUE_DATE, DUPLICATE, NOT_DEALT, OTHER
    detail: str  #: in words
    raised_at: datetime
    due_at: datetime  #: we answer by then
    ended_at: datetime | None = None
    outcome: str | None = None  #: why it ended so


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSecrets(Model):
    id: str  #: whe_…
    url: str  #: where it goes
    description: str  #: yours
    types: list[str]
    accounts: list[str] | None  #: those of the key that made it; null: all of the client, later ones too
    #: object: what concerns one object comes in order, each after the one before was answered; parallel: as soon as it can: object,
    #: parallel
    order: str
    status: str  #: DEGRADED: it has not answered for 75 hours; it is still tried: ACTIVE, DEGRADED, DISABLED
    keys: list[WebhookKey]
    last_seq: int  #: events up to this one have been queued for it
    waiting: int  #: deliveries that wait
    failures: int  #: in a row
    failing_since: str | None
    created_at: datetime
    secret: str | None  #: v1: whsec_…, told once; null for v1a, and when this answer is repeated


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPing(Model):
    event_id: str  #: evt_…: look at its delivery under this id


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReplay(Model):
    queued: int
    through_seq: int  #: as far as this replay went
    complete: bool  #: false: go on with through_seq as after_seq


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf(Model):
    instrument: str
    fits: bool
    code: str | None = None  #: why not, as an RFQ would be refused
    detail: str | None = None  #: why not
    headroom_before: Decimal | None = None  #: of the limit that binds
    headroom_after: Decimal | None = None  #: once this and those before it are done
    headroom_currency: str | None = None  #: its currency
    binding: str | None = None  #: whose limit binds: GROUP, CLIENT, ACCOUNT, BALANCE, NONE
    binding_measure: str | None = None  #: which of its limits: PRE_SETTLEMENT, SETTLEMENT, DAILY, DEAL
