"""`flowdesk`: the API from a shell. Every command is one or two calls of `Client`; what it prints is what was answered."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from . import shown
from .client import WAITS_FOR_A_PRICE, Client
from .errors import FlowdeskError, LiveClosed, Refused, Unreachable
from .keys import KeyFileError, load_key, new_key_file, public_key_of, set_key_id
from .live import EventStream, Frame, HistoryLost
from .models import Rfq
from .receipts import verify_receipt
from .wire import made_up

DONE, NO, WRONG_USE, NO_ANSWER, NO_PRICE = 0, 1, 2, 3, 4
ABOUT = f"""\
The Flowdesk API from a shell. FLOWDESK_URL (default http://localhost:8000), FLOWDESK_LIVE_URL (its host at port 8001) and FLOWDESK_KEY,
the key file, say where and who. Amounts are decimal numbers; side is yours, of the base asset.
Exit codes: {DONE} done, {NO} refused, {WRONG_USE} wrong use, {NO_ANSWER} no answer (a write may have been done: flowdesk outcome),
{NO_PRICE} no price in time."""


class WrongUse(Exception):
    """Said to the person at the keyboard, without a traceback."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except (WrongUse, KeyFileError, TypeError) as wrong:
        return _say(wrong, WRONG_USE)
    except Refused as no:
        return _say(_refusal(no), NO)
    except Unreachable as lost:
        asks = f"; ask: flowdesk outcome {lost.reference}" if lost.reference else ""
        asks += f" --sent-at {lost.sent_at:%Y-%m-%dT%H:%M:%SZ}" if lost.reference and lost.sent_at else ""
        return _say(f"no answer: {lost}{asks}", NO_ANSWER)
    except LiveClosed as closed:
        return _say(f"the stream {closed}", NO)
    except FlowdeskError as wrong:
        return _say(wrong, NO)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return 130


def _refusal(no: Refused) -> str:
    hint = ""
    if no.retry == "check_status":
        hint = f"; it may have been done: flowdesk outcome {no.reference}".rstrip()
    elif no.retry == "after":
        hint = f"; again in {no.retry_after_s} s"
    return f"{no}{hint}{f' [{no.request_id}]' if no.request_id else ''}"


def _say(what: object, code: int) -> int:
    print(f"flowdesk: {what}", file=sys.stderr)  # noqa: T201
    return code


# --- the commands -----------------------------------------------------------------------------------------------------------
def quote(args: argparse.Namespace) -> int:
    if args.accept and args.side == "two_way":
        raise WrongUse("--accept needs one side: buy or sell")
    size = {"quote_quantity" if args.notional else "quantity": args.quantity}
    with _client(args) as client:
        rfq = client.rfqs.create(
            instrument=args.instrument, side=args.side, tenor=args.tenor, ttl_ms=args.ttl_ms, client_rfq_id=args.reference or "", **size
        )
        if rfq.status in WAITS_FOR_A_PRICE:
            print(f"{rfq.id}: a person prices it; waiting {args.wait} s", file=sys.stderr)  # noqa: T201
            rfq = client.wait_for_price(rfq, timeout_s=args.wait)
        if rfq.status != "QUOTED" or rfq.quote is None:
            shown.one(rfq, args.json)
            return _say(f"{rfq.id} is {rfq.status}{': ' + rfq.reason if rfq.reason else ''}; no price", NO_PRICE)
        if not args.accept:
            shown.quote(rfq, args.json)
            return DONE
        price = _price(rfq, args.side)
        if args.limit is not None and (price > args.limit if args.side == "buy" else price < args.limit):
            client.quotes.decline(rfq.quote.id)
            return _say(f"{price} is not at {args.limit} or better: declined", NO_PRICE)
        shown.one(client.quotes.accept(rfq.quote.id, side=args.side, price=price), args.json)
    return DONE


def _price(rfq: Rfq, side: str) -> Decimal:
    one = rfq.quote and getattr(rfq.quote, side)
    if not one:
        raise WrongUse(f"the quote has no {side} side")
    return Decimal(one.price)


def validate(args: argparse.Namespace) -> int:
    size = {"quote_quantity" if args.notional else "quantity": str(args.quantity)}
    body = {"client_rfq_id": made_up("rfq"), "instrument": args.instrument, "side": args.side, "tenor": args.tenor, **size}
    with _client(args) as client:
        found = client.api.post("/api/v1/rfqs/validate", body)
    shown.plain(found, args.json)
    return NO if found.get("problems") else DONE


def accept(args: argparse.Namespace) -> int:
    with _client(args) as client:
        shown.one(client.quotes.accept(args.quote, side=args.side, price=args.price, client_order_id=args.reference or ""), args.json)
    return DONE


def decline(args: argparse.Namespace) -> int:
    with _client(args) as client:
        shown.one(client.quotes.decline(args.quote), args.json)
    return DONE


def order(args: argparse.Namespace) -> int:
    with _client(args) as client:
        trade = client.orders.create(
            instrument=args.instrument,
            side=args.side,
            quantity=args.quantity,
            limit_price=args.limit,
            time_in_force="FOK",
            client_order_id=args.reference or "",
        )
        shown.one(trade, args.json)
    return DONE


def rfqs(args: argparse.Namespace) -> int:
    with _client(args) as client:
        shown.rows(client.rfqs.iterate(status=args.status), args.json, shown.RFQ, args.limit)
    return DONE


def trades(args: argparse.Namespace) -> int:
    with _client(args) as client:
        shown.rows(client.trades.iterate(instrument=args.instrument), args.json, shown.TRADE, args.limit)
    return DONE


def balances(args: argparse.Namespace) -> int:
    with _client(args) as client:
        shown.rows(client.balances.list(), args.json, shown.BALANCE)
    return DONE


def instruments(args: argparse.Namespace) -> int:
    with _client(args) as client:
        shown.rows(client.instruments.list(), args.json, shown.INSTRUMENT)
    return DONE


def prices(args: argparse.Namespace) -> int:
    with _client(args) as client:
        shown.one(client.prices.get(args.instrument), args.json)
    return DONE


def outcome(args: argparse.Namespace) -> int:
    with _client(args) as client:
        found = client.api.get(f"/api/v1/by-client-id/{args.reference}", created=args.sent_at)
        shown.plain(found, args.json)
    return DONE if found["outcome"] in {"answered", "refused", "never_received"} else NO_ANSWER


def events(args: argparse.Namespace) -> int:
    if not args.follow:
        with _client(args) as client:
            shown.rows(client.events.iterate(after_seq=args.after_seq), args.json, shown.EVENT, args.limit)
        return DONE
    stream = EventStream(_live_url(args), load_key(_key_file(args)), after_seq=args.after_seq, stop_when_idle_s=args.idle)
    for number, frame in enumerate(stream, 1):
        if isinstance(frame, Frame):
            shown.frame(frame, args.json)
        elif isinstance(frame, HistoryLost):
            _say(f"older than seven days: read your state by REST; going on after {frame.last_seq}", 0)
        if args.limit and number >= args.limit:
            stream.close()
            break
    return DONE


def clocks(args: argparse.Namespace) -> int:
    with _client(args) as client:
        skew = client.clock_skew()
        now = client.time.get()
    facts = {"desk": now.raw["desk"], "wall": now.raw["wall"], "ahead_of_this_machine_ms": round(skew.total_seconds() * 1000)}
    shown.plain(facts, args.json)
    return DONE


def call(args: argparse.Namespace) -> int:
    try:
        body = json.loads(args.body, parse_float=_no_float) if args.body else None
    except ValueError as wrong:
        raise WrongUse(f"BODY: {wrong}") from None
    if body is not None and not isinstance(body, dict):
        raise WrongUse("BODY: a JSON object")
    path, _, query = args.path.partition("?")
    params = dict(part.partition("=")[::2] for part in query.split("&") if part)
    with _client(args) as client:
        answer = client.api.call(args.method.upper(), path, params=params, body=body, idempotency_key=args.idempotency_key or "")
    shown.plain(answer, True)
    return DONE


def _no_float(text: str) -> None:
    raise ValueError(f'{text} is a JSON number: amounts are decimal strings, "{text}"')


def keys_new(args: argparse.Namespace) -> int:
    public = new_key_file(Path(args.out))
    facts = {"public_key": public, "file": args.out}
    shown.plain(facts, args.json)
    if not args.json:
        _say(f"give the public key to the desk; with the key id that they answer: flowdesk keys use {args.out} ak_…", 0)
    return DONE


def keys_use(args: argparse.Namespace) -> int:
    set_key_id(Path(args.file), args.key_id)
    return keys_show(args)


def keys_show(args: argparse.Namespace) -> int:
    key = load_key(args.file)
    facts = {"key_id": key.key_id, "public_key": public_key_of(key), "client": key.client, "scopes": " ".join(key.scopes)}
    shown.plain(facts, args.json)
    return DONE


def receipt(args: argparse.Namespace) -> int:
    text = (sys.stdin.read() if args.file == "-" else Path(args.file).read_text(encoding="utf-8")).strip()
    with _client(args) as client:
        shown.plain(verify_receipt(text, client.jwks()), True)
    return DONE


# --- where and who ----------------------------------------------------------------------------------------------------------
def _client(args: argparse.Namespace) -> Client:
    headers = {"Flowdesk-Scenario": args.scenario} if args.scenario else None
    return Client(_url(args), load_key(_key_file(args)), timeout_s=args.timeout, headers=headers)


def _url(args: argparse.Namespace) -> str:
    url = str(args.url or os.environ.get("FLOWDESK_URL") or "http://localhost:8000")
    if not url.startswith(("http://", "https://")):
        raise WrongUse(f"--url {url}: a URL such as https://api.example.com")
    return url.rstrip("/")


def _live_url(args: argparse.Namespace) -> str:
    given = args.live_url or os.environ.get("FLOWDESK_LIVE_URL")
    if given:
        return str(given)
    scheme, _, rest = _url(args).partition("://")
    host = rest.split("/")[0]
    local = host.rpartition(":")[0] or host
    return f"wss://{host}" if scheme == "https" else f"ws://{local}:8001"


def _key_file(args: argparse.Namespace) -> str:
    name = args.key or os.environ.get("FLOWDESK_KEY")
    if not name:
        raise WrongUse("no key: give --key FILE or set FLOWDESK_KEY")
    return str(name)


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is no decimal number") from None
    if not amount.is_finite() or amount <= 0:
        raise argparse.ArgumentTypeError(f"{text}: an amount above zero")
    return amount


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--url", help="of the API")
    common.add_argument("--live-url", help="of the sockets")
    common.add_argument("--key", metavar="FILE", help="the key file")
    common.add_argument("--timeout", type=float, default=10.0, metavar="S", help="seconds of one attempt (default 10)")
    common.add_argument("--scenario", metavar="NAME", help="of a sandbox: what it shall force (docs/sandbox.md)")
    common.add_argument("--json", action="store_true", help="answers as JSON, one a line")
    parser = argparse.ArgumentParser(prog="flowdesk", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Any, about: str, into: Any = commands) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = into.add_parser(name, help=about, description=about, parents=[common])
        one.set_defaults(run=run)
        return one

    def asked(one: argparse.ArgumentParser, sides: tuple[str, ...] = ("buy", "sell", "two_way")) -> None:
        one.add_argument("instrument", help="as in BTC-USD")
        one.add_argument("side", choices=sides)
        one.add_argument("quantity", type=_amount, help="of the base asset")

    one = command("quote", quote, "Ask for a firm price; with --accept deal at it.")
    asked(one)
    one.add_argument("--accept", action="store_true", help="deal at the price that comes")
    one.add_argument("--limit", type=_amount, help="with --accept: the worst price you take; else it is declined")
    one.add_argument("--notional", action="store_true", help="quantity is of the quote asset, fee included")
    one.add_argument("--tenor", help="as in T+1")
    one.add_argument("--ttl-ms", type=int, help="how long the price shall stand")
    one.add_argument("--wait", type=float, default=60.0, metavar="S", help="seconds to wait for a person's price (default 60)")
    one.add_argument("--reference", help="your own id of the request")
    one = command("validate", validate, "Every check that a request would run; nothing is stored.")
    asked(one)
    one.add_argument("--notional", action="store_true", help="quantity is of the quote asset")
    one.add_argument("--tenor", help="as in T+1")
    one = command("accept", accept, "Deal on a quote at exactly its price.")
    one.add_argument("quote", help="quo_…")
    one.add_argument("side", choices=("buy", "sell"))
    one.add_argument("price", type=_amount)
    one.add_argument("--reference", help="your own id of the order")
    command("decline", decline, "Say no to a quote.").add_argument("quote", help="quo_…")
    one = command("order", order, "Fill or kill: deal at our price when it is at your limit or better.")
    asked(one, ("buy", "sell"))
    one.add_argument("limit", type=_amount, help="the worst price you take")
    one.add_argument("--reference", help="your own id of the order")
    one = command("rfqs", rfqs, "Your requests, newest first.")
    one.add_argument("--status", help="as in QUOTED")
    one.add_argument("--limit", type=int, default=20, help="rows (default 20)")
    one = command("trades", trades, "Your deals, newest first.")
    one.add_argument("--instrument", help="as in BTC-USD")
    one.add_argument("--limit", type=int, default=20, help="rows (default 20)")
    command("balances", balances, "Balances by account and asset.")
    command("instruments", instruments, "What can be dealt.")
    command("prices", prices, "The indicative price of an instrument.").add_argument("instrument", help="as in BTC-USD")
    one = command("outcome", outcome, "What became of a request, by your own id.")
    one.add_argument("reference", help="your client_rfq_id, client_order_id or client_reference")
    one.add_argument("--sent-at", help="when it was sent, as 2026-09-15T12:00:00Z: then never_received can be definite")
    one = command("events", events, "What happened, in order.")
    one.add_argument("--after-seq", type=int, default=0, help="the last that you have dealt with (default 0: from the first)")
    one.add_argument("--follow", action="store_true", help="go on over the WebSocket, across reconnects")
    one.add_argument("--idle", type=float, metavar="S", help="with --follow: end after so many seconds without an event")
    one.add_argument("--limit", type=int, help="end after so many")
    command("time", clocks, "The desk's clock, the wall clock, and how far this machine is off.")
    one = command("call", call, "Any operation of the API: call GET '/api/v1/trades?limit=1'.")
    one.add_argument("method", choices=("get", "post", "patch", "delete", "GET", "POST", "PATCH", "DELETE"))
    one.add_argument("path")
    one.add_argument("body", nargs="?", help="a JSON object")
    one.add_argument("--idempotency-key", help="16 to 64 of A-Z a-z 0-9 _ -")
    one = command("receipt", receipt, "Verify the receipt of a quote and show what was signed.")
    one.add_argument("file", help="- reads standard input")
    own = commands.add_parser("keys", help="Keys of your own.", description="Keys of your own.")
    keys = own.add_subparsers(required=True, metavar="COMMAND")
    command("new", keys_new, "Make an Ed25519 key in a new file that only you can read.", keys).add_argument("--out", required=True)
    one = command("use", keys_use, "Write the key id that the desk gave into the key file.", keys)
    one.add_argument("file")
    one.add_argument("key_id", help="ak_…")
    command("show", keys_show, "The key id and public half of a key file.", keys).add_argument("file")
    return parser
