"""Who lives in the demo: invented firms with identifiers whose check digits are right."""

from dataclasses import dataclass
from decimal import Decimal

from apps.workflows.onboard_client import Applicant, Instruction

PAIRS = ("BTC-USD", "ETH-USD", "BTC-EUR", "EUR-USD")
LINE_DAYS = 3650  # a demo day may lie years back: its lines still stand when the clock is released to the wall


@dataclass(frozen=True)
class Place:
    """A bank account or wallet of ours."""

    rail: str
    asset: str
    name: str
    address: str
    designation: str = "HOUSE"
    opening: Decimal = Decimal(0)  # our own capital on it, in units of the asset


@dataclass(frozen=True)
class Firm:
    """An LP or venue that we hedge with."""

    code: str
    name: str
    lei: str
    country: str
    roles: tuple[str, ...]


CLIENTS = (
    Applicant(
        code="acme",
        name="Acme Capital LLP",
        lei="ACMEDEMO000000000103",
        country="GB",
        email="settlements@acme.example",
        mode="CREDIT",
        pairs=PAIRS,
        tier="gold",
        line=Decimal(25_000_000),
        line_days=LINE_DAYS,
        group="Acme Holdings",
        instructions=(
            Instruction("fedwire-usd", "USD", "026088585-90278858", "NRTHUS33"),
            Instruction("target-eur", "EUR", "DE65500100004190278858", "NRTHDEFF"),
            Instruction("bitcoin-btc", "BTC", "bc1ql8pffjs963kyufq769llfxwqhd9euec2telh05"),
            Instruction("ethereum-eth", "ETH", "0xf9c294ca05d46c4e241ed17ff499c0bb4b9e670a"),
        ),
    ),
    Applicant(
        code="borealis",
        name="Borealis Treasury AS",
        lei="BOREALISDEMO00000159",
        country="NO",
        email="backoffice@borealis.example",
        mode="CLIENT_FIRST",
        pairs=PAIRS,
        line=Decimal(10_000_000),
        line_days=LINE_DAYS,
        group="Northern Lights",
        instructions=(
            Instruction("fedwire-usd", "USD", "026009768-56660976", "NRTHUS33"),
            Instruction("target-eur", "EUR", "NL07NRTH1256660976", "NRTHNL2A"),
            Instruction("bitcoin-btc", "BTC", "bc1qftn3lu8rkr5mkw8fl0rrq4l4fy52euzdlc49ks"),
            Instruction("ethereum-eth", "ETH", "0x4ae71ff0e3b0e9bb38e9fbc63057f54928acf04d"),
        ),
    ),
    Applicant(
        code="cygnus",
        name="Cygnus Family Office Ltd",
        lei="CYGNUSDEMO0000000160",
        country="IE",
        email="desk@cygnus.example",
        mode="PREFUNDED",
        pairs=PAIRS,
        fee_bps=Decimal(2),
        fee_mode="ADDED",
        group="Northern Lights",
        netting=False,
        instructions=(
            Instruction("fedwire-usd", "USD", "026033190-27523319", "NRTHUS33"),
            Instruction("target-eur", "EUR", "IE68NRTH90001327523319", "NRTHIE2D"),
            Instruction("bitcoin-btc", "BTC", "bc1qfusxtaudyqsxndhyhnmty8ftav88n3m8el6vjw"),
            Instruction("ethereum-eth", "ETH", "0x4f2065f78d202069b6e4bcf6b21d2beb0e79c767"),
        ),
    ),
)
OTHERS = (
    Firm("northgate", "Northgate Exchange Ltd", "VENUEONEDEMO00000163", "GB", ("VENUE",)),
    Firm("primelp", "Prime Liquidity SA", "PRIMELPDEMO000000153", "CH", ("LP",)),
)
NOSTROS = (
    Place("fedwire-usd", "USD", "USD at Northern Bank", "026043669-39224366", opening=Decimal(60_000_000)),
    Place("target-eur", "EUR", "EUR at Northern Bank", "DE46500100003839224366", opening=Decimal(40_000_000)),
    Place("chaps-gbp", "GBP", "GBP at Northern Bank", "GB71NRTH40003839224366", opening=Decimal(5_000_000)),
    Place("bitcoin-btc", "BTC", "BTC house wallet", "bc1qun275tj0rltqp7h9pcydg8ynj7m4uu82wt5ulp", opening=Decimal(1_500)),
    Place("ethereum-eth", "ETH", "ETH house wallet", "0xe4d5ea2e4f1fd600fae50e08d41c9397b75e70ea", opening=Decimal(15_000)),
    Place("fedwire-usd", "USD", "USD client money", "026038865-68723886", "CLIENT"),
    Place("target-eur", "EUR", "EUR client money", "DE94500100003668723886", "CLIENT"),
    Place("bitcoin-btc", "BTC", "BTC client wallet", "bc1qm2ky3tndkq8w6e9a57k5nmk8026sl6la8fsqxm", "CLIENT"),
    Place("ethereum-eth", "ETH", "ETH client wallet", "0xdaac48ae6db00eed64bda7ad49eec77ab50febfd", "CLIENT"),
)
# Invented: nobody of these names is on any real list.
SCREENED = (
    ("Viktor Malachai Orlovskoi", "XX", "DEMO-1"),
    ("Black Harbour Trading", "XX", "DEMO-2"),
    ("Zorander Shipping", "XX", "DEMO-3"),
    ("Mallory Moneyworth", "XX", "DEMO-4"),
)
