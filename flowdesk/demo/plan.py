"""What the clients of the demo will ask, and how they will answer: drawn from the seed before the day begins."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

TICKS = 240
TICK = timedelta(seconds=115)
HEDGE_AT = (80, 160, TICKS - 1)
SWEEP_EVERY = 15
MOST_STEPS = 30  # of the walk over the value dates, for the progress bar

# pair → quantity in steps: (step, fewest steps, most steps), by client
SIZES = {
    "acme": {"BTC-USD": ("0.05", 2, 60), "ETH-USD": ("0.5", 2, 120), "EUR-USD": ("10000", 5, 100), "BTC-EUR": ("0.05", 2, 40)},
    "borealis": {"BTC-USD": ("0.05", 2, 80), "ETH-USD": ("0.5", 2, 160), "EUR-USD": ("10000", 5, 150), "BTC-EUR": ("0.05", 2, 60)},
    "cygnus": {"BTC-USD": ("0.005", 2, 60), "ETH-USD": ("0.05", 2, 60), "EUR-USD": ("1000", 5, 60)},
}
CLIENTS = (("acme", 45), ("borealis", 30), ("cygnus", 25))
PAIRS = (("BTC-USD", 40), ("ETH-USD", 25), ("EUR-USD", 20), ("BTC-EUR", 15))
FATES = (("accept", 62), ("decline", 12), ("expire", 14), ("double", 6), ("retry", 6))
SIDES = (("buy", 45), ("sell", 45), ("two_way", 10))
# Late in the day acme asks for more than its line still holds, and for sizes that a person has to price.
LINE_BREAKERS = range(205, 235, 4)
# Sizes that a person has to price, by tick: what the desk does about each. Nobody is there for the last one, and it runs out.
LARGE = {30: "price", 60: "price", 90: "reject", 120: "counter", 150: "price", 180: "expire"}
ON_BEHALF = {100: ("acme", "BTC-USD", "buy", "2", "VOICE"), 140: ("borealis", "EUR-USD", "sell", "250k", "CHAT")}


@dataclass(frozen=True)
class Ask:
    """One request of the day and its intended fate. `pause_s` passes between the quote and the answer."""

    tick: int
    client: str
    reference: str
    body: dict[str, Any]
    fate: str
    take: str  # the side it takes of a two-way quote
    pause_s: int


def draw(seed: int) -> list[Ask]:
    """The whole day, in order. The same seed gives the same plan."""
    dice = Random(seed)  # noqa: S311 (a plan, no secret)
    return [_ask(dice, tick) for tick in range(TICKS)]


def _ask(dice: Random, tick: int) -> Ask:
    client = _pick(dice, CLIENTS)
    pair = _pick(dice, PAIRS)
    if pair not in SIZES[client]:
        pair = "BTC-USD"
    side, fate, take, pause = _pick(dice, SIDES), _pick(dice, FATES), dice.choice(["buy", "sell"]), dice.randint(1, 6)
    step, least, most = SIZES[client][pair]
    steps = dice.randint(least, most)
    if tick in LINE_BREAKERS:
        client, pair, side, fate, step, steps = "acme", "EUR-USD", "buy", "accept", "1000000", 4
    if tick in LARGE:
        client, pair, fate, step, steps = "borealis", "BTC-USD", LARGE[tick], "1", 105
        side = take = "sell" if tick % 60 else "buy"
    reference = f"{client}-{tick:04d}"
    body = {"client_rfq_id": reference, "instrument": pair, "side": side, "quantity": _times(step, steps)}
    if dice.randint(1, 10) == 1 and pair == "BTC-USD" and tick not in LARGE:
        del body["quantity"]
        body["quote_quantity"] = str(dice.randint(5, 20) * 1000)
    return Ask(tick, client, reference, body, fate, take if side == "two_way" else side, pause)


def _times(step: str, count: int) -> str:
    """step × count as a plain decimal string, in integers."""
    whole, _, fraction = step.partition(".")
    scaled = str(int(whole + fraction) * count).rjust(len(fraction) + 1, "0")
    if not fraction:
        return scaled
    text = f"{scaled[: -len(fraction)]}.{scaled[-len(fraction) :]}".rstrip("0").rstrip(".")
    return text or "0"


def _pick(dice: Random, weighted: tuple[tuple[str, int], ...]) -> str:
    return dice.choices([name for name, _ in weighted], [weight for _, weight in weighted])[0]
