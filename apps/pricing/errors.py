"""Pricing's refusals: one class, one stable code each."""

from apps.core.errors import Conflict, Forbidden, Rejected


class PriceUnavailable(Rejected):
    """No healthy source, no answer from the price bus, or a number that pricing needs is missing."""

    code, title = "price_unavailable", "No price is available"


class StalePrice(PriceUnavailable):
    """There is a price, but it is older than the rule allows."""

    code, title = "price_stale", "The price is too old"


class NotEnoughDepth(Rejected):
    """The merged book does not hold the size asked for."""

    code, title = "insufficient_depth", "The book is not deep enough for this size"


class SizeTooSmall(Rejected):
    """The amount does not cover the fee and the least we earn, or buys less than one unit."""

    code, title = "size_too_small", "The size is too small to be priced"


class PriceNeedsSure(Rejected):
    """A person's price is so far from the mid that it goes out only when it is confirmed."""

    code, title = "price_needs_sure", "The price is far from the market: confirm it"


class PriceFarOff(Rejected):
    """A person's price is further from the mid than anybody may deal."""

    code, title = "price_far_off", "The price is too far from the market"


class QuoteInconsistent(Rejected):
    """Our own price did not agree with the book that it was made from: an error of ours, so no price at all."""

    code, title = "quote_inconsistent", "The price did not pass our own check"
    event = "quote.inconsistent"

    def __init__(self, why: str, **found: str) -> None:
        super().__init__(self.title)
        self.house = {"why": why, **found}


class BadRecording(Rejected):
    """A file of recorded prices that cannot be used; `extra` names file and line."""

    code, title = "bad_recording", "The recorded prices cannot be read"


class TradingHalted(Rejected):
    """A kill switch is on for all, the pair or the client."""

    code, title = "trading_halted", "Dealing is stopped"


class AlreadyHalted(Conflict):
    code, title = "already_halted", "Stopped already"


class SameHandsLift(Forbidden):
    code, title = "four_eyes", "Somebody else has to start dealing again"


class PolicyInvalid(Rejected):
    """Terms of a pair that cannot be: `fields` names each wrong one and why."""

    code, title = "policy_invalid", "The policy cannot be set so"


class PolicyChanged(Conflict):
    """Somebody set it since the form was made."""

    code, title = "policy_changed", "The policy has changed meanwhile"


class PolicyUnchanged(Rejected):
    code, title = "policy_unchanged", "Nothing would change"


class UnknownVenue(Rejected):
    """A venue that this installation cannot listen to."""

    code, title = "unknown_venue", "No such venue"


class FeedUnavailable(Rejected):
    """What the feed needs is not installed."""

    code, title = "feed_unavailable", "This feed cannot run here"
