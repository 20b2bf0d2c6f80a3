"""An exchange on loopback that speaks Kraken's public protocol (REST and WebSocket v2) and misbehaves when told to."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from aiohttp import WSMsgType, web

from apps.pricing.feeds.live import connect_public

D = Decimal
ASSETS = {
    code: {"aclass": "currency", "altname": alt, "decimals": 10, "display_decimals": 5, "status": "enabled"}
    for code, alt in (("XXBT", "XBT"), ("ZUSD", "USD"), ("XETH", "ETH"))
}
PAIRS = {
    f"{base}ZUSD": {
        "altname": f"{alt}USD", "wsname": f"{alt}/USD", "aclass_base": "currency", "base": base, "aclass_quote": "currency",
        "quote": "ZUSD", "lot": "unit", "cost_decimals": 5, "pair_decimals": 1, "lot_decimals": 8, "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [], "fees": [[0, 0.4]], "fees_maker": [[0, 0.25]], "fee_volume_currency": "ZUSD", "margin_call": 80,
        "margin_stop": 40, "ordermin": "0.00005", "costmin": "0.5", "tick_size": "0.1", "status": "online",
    }
    for base, alt in (("XXBT", "XBT"), ("XETH", "ETH"))
}  # fmt: skip
MIDS = {"BTC/USD": D(40_000), "ETH/USD": D(3_000)}


class Exchange:
    """`mode` may be changed while it runs; `texts` are what it sends in mode `say`."""

    def __init__(self) -> None:
        self.mode, self.texts = "honest", []
        self.connections = 0
        self.count = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(60)

    def connect(self, *, streams: bool = True) -> Callable[[str], Any]:
        """Makes ccxt's own Kraken client, led to this server."""

        def client(_name: str) -> Any:
            exchange = connect_public("kraken")
            exchange.urls["api"]["public"] = f"http://127.0.0.1:{self.port}"
            exchange.urls["api"]["ws"] = {**exchange.urls["api"]["ws"], "publicV2": f"ws://127.0.0.1:{self.port}/v2"}
            if not streams:
                exchange.has["watchOrderBook"] = False
            return exchange

        return client

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(60)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        app = web.Application()
        app.router.add_get("/0/public/Assets", self._assets)
        app.router.add_get("/0/public/AssetPairs", self._pairs)
        app.router.add_get("/0/public/Depth", self._depth)
        app.router.add_get("/v2", self._stream)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        await runner.cleanup()

    async def _assets(self, _request: web.Request) -> web.Response:
        return web.json_response({"error": [], "result": ASSETS})

    async def _pairs(self, _request: web.Request) -> web.Response:
        return web.json_response({"error": [], "result": PAIRS})

    async def _depth(self, request: web.Request) -> web.Response:
        self.connections += 1
        if self.mode == "down":
            return web.Response(status=503, text="<html>busy</html>")
        if self.mode == "rubbish":
            return web.Response(text="<html>hello</html>")
        pair = request.query["pair"]
        bids, asks = self._book("BTC/USD" if pair.startswith("XXBT") else "ETH/USD")
        rows = [[[price, size, 1] for price, size in side] for side in (bids, asks)]
        return web.json_response({"error": [], "result": {pair: {"bids": rows[0], "asks": rows[1]}}})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        if self.mode == "down":
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        symbols: list[str] = []
        talk = asyncio.create_task(self._talk(socket, symbols))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and (asked := json.loads(message.data)).get("method") == "subscribe":
                    symbols += asked["params"]["symbol"]
        finally:
            talk.cancel()
        return socket

    async def _talk(self, socket: web.WebSocketResponse, symbols: list[str]) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while True:
                await asyncio.sleep(0.02)
                if not symbols or self.mode == "stall":
                    continue
                if self.mode == "drop":
                    await socket.close()
                    return
                if self.mode == "rubbish":
                    await socket.send_str("<html>502</html>")
                    await socket.send_str('{"channel": "book", "type": "snapshot", "data": [{"symbol"')
                    await socket.send_bytes(b"\xff\x00\x13")
                    continue
                for symbol in list(symbols):
                    for text in self.texts if self.mode == "say" else [self._snapshot(symbol)]:
                        await socket.send_str(text)

    def _snapshot(self, symbol: str) -> str:
        """As Kraken writes it: numbers, not strings."""
        bids, asks = self._book(symbol)
        stamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return said(symbol, bids, asks, stamp)

    def _book(self, symbol: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        self.count += 1
        mid, half = MIDS[symbol], D("0.5")
        if self.mode == "million":
            mid *= 1_000_000
        if self.mode == "negative":
            mid = -mid
        if self.mode == "crossed":
            half = -half
        breath = D(1) if self.mode == "frozen" else D(1) + D(self.count % 7) / 100
        bids, asks = ([(f"{mid + sign * half * n}", f"{breath * n}") for n in (1, 2, 3)] for sign in (-1, 1))
        return bids, asks


def said(symbol: str, bids: Any, asks: Any, stamp: str, kind: str = "snapshot") -> str:
    levels = [", ".join(f'{{"price": {price}, "qty": {size}}}' for price, size in side) for side in (bids, asks)]
    return (
        f'{{"channel": "book", "type": "{kind}", "data": [{{"symbol": "{symbol}", "bids": [{levels[0]}], "asks": [{levels[1]}], '
        f'"checksum": 1, "timestamp": "{stamp}"}}]}}'
    )
