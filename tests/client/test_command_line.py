"""`flowdesk` against a running server: what it prints, what it says when it cannot, and its exit codes."""

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flowdesk_client.cli import main

from apps.rfqs.models import Rfq
from apps.trades.models import Trade
from tests import web as webs
from tests import world
from tests.client.conftest import BadLine

pytestmark = pytest.mark.django_db(transaction=True)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(line: BadLine, acme: world.Firm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    key = webs.key_for(acme.trader)
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    (tmp_path / "key.json").write_text(json.dumps({"key_id": key.key_id, "private_key_pem": pem}))
    monkeypatch.setenv("FLOWDESK_URL", line.url)
    monkeypatch.setenv("FLOWDESK_KEY", str(tmp_path / "key.json"))

    def one(*argv: str) -> tuple[int, str, str]:
        try:
            code = main(argv)
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return one


def test_a_price_and_a_deal(run: Run) -> None:
    code, out, _ = run("quote", "BTC-USD", "two_way", "5")
    assert code == 0
    assert re.search(r"you buy 5 BTC-USD at [0-9.]+: pay [0-9.]+, receive 5", out)
    quote = re.search(r"quo_\w+", out)[0]  # type: ignore[index]
    price = re.search(r"you sell 5 BTC-USD at ([0-9.]+)", out)[1]  # type: ignore[index]
    code, out, _ = run("accept", quote, "sell", price, "--json")
    assert (code, json.loads(out)["side"]) == (0, "sell")
    code, out, err = run("accept", quote, "sell", price)
    assert (code, out) == (1, "")
    assert "quote_answered" in err
    assert "req_" in err


def test_quote_and_accept_at_once_within_a_limit(run: Run) -> None:
    code, _, err = run("quote", "BTC-USD", "buy", "5", "--accept", "--limit", "15000")
    assert (code, Trade.objects.count()) == (4, 0)
    assert "declined" in err
    code, out, _ = run("quote", "BTC-USD", "buy", "5", "--accept", "--limit", "25000", "--json")
    assert (code, json.loads(out)["quantity"], Trade.objects.count()) == (0, "5", 1)
    code, out, _ = run("trades")
    assert (code, len(out.splitlines())) == (0, 2)
    code, out, _ = run("balances")
    assert re.search(r"BTC .* 5\b", out)
    assert json.loads(run("rfqs", "--json", "--status", "FILLED")[1])["status"] == "FILLED"
    assert run("order", "BTC-USD", "sell", "1", "30000")[0] == 1
    assert [json.loads(row)["seq"] for row in run("events", "--json", "--after-seq", "1", "--limit", "3")[1].splitlines()] == [2, 3, 4]


def test_checks_without_a_trace(run: Run) -> None:
    assert run("validate", "BTC-USD", "buy", "5")[0] == 0
    code, out, _ = run("validate", "BTC-USD", "buy", "100000", "--json")
    assert (code, "quantity_out_of_range" in out, Rfq.objects.count()) == (1, True, 0)


def test_the_time_and_any_other_operation(run: Run) -> None:
    code, out, _ = run("time", "--json")
    assert (code, abs(json.loads(out)["ahead_of_this_machine_ms"]) < 60_000) == (0, True)
    code, out, _ = run("call", "GET", "/api/v1/trades?limit=1")
    assert (code, json.loads(out)["data"]) == (0, [])
    code, _, err = run("call", "POST", "/api/v1/rfqs", '{"quantity": 1.5}')
    assert (code, '"1.5"' in err) == (2, True)
    code, _, err = run("call", "POST", "/api/v1/rfqs", '{"quantity": "x"}')
    assert (code, "/quantity" in err) == (1, True)


def test_a_lost_answer_says_how_to_ask(run: Run, line: BadLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdesk_client.sending.Call.pause_s", lambda *_: 0.0)
    line.will(*["lose_answer"] * 5)
    code, _, err = run("quote", "BTC-USD", "buy", "5", "--reference", "mine-1")
    ask = re.search(r"flowdesk (outcome mine-1 --sent-at \S+)", err)
    assert (code, ask is not None) == (3, True)
    code, out, _ = run(*ask[1].split(), "--json")  # type: ignore[index]
    assert (code, json.loads(out)["outcome"]) == (0, "answered")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("quote", "BTC-USD", "buy", "five"), "'five' is no decimal number"),
        (("quote", "BTC-USD", "buy", "-5"), "argument"),
        (("quote", "BTC-USD", "two_way", "5", "--accept"), "needs one side"),
        (("trades", "--key", "/nowhere/key.json"), "/nowhere/key.json"),
        (("trades", "--url", "localhost:8000"), "a URL such as"),
        (("call", "POST", "/api/v1/rfqs", "[]"), "a JSON object"),
        (("sing",), "invalid choice"),
    ],
)
def test_wrong_use_is_told_and_sends_nothing(run: Run, line: BadLine, argv: tuple[str, ...], says: str) -> None:
    code, out, err = run(*argv)
    assert (code, out, line.seen) == (2, "", [])
    assert says in err
    assert "Traceback" not in err


def test_keys_are_made_here_and_never_shown(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    code, out, _ = run("keys", "new", "--out", str(path), "--json")
    public = json.loads(out)["public_key"]
    assert (code, len(public), stat.S_IMODE(path.stat().st_mode)) == (0, 44, 0o600)
    assert run("keys", "new", "--out", str(path))[0] == 2
    assert run("keys", "use", str(path), "nonsense")[0] == 2
    code, out, _ = run("keys", "use", str(path), "ak_test_0123", "--json")
    assert (code, json.loads(out)["key_id"], json.loads(out)["public_key"]) == (0, "ak_test_0123", public)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "PRIVATE" not in out
