"""`kill -9` of a web process before and after each word that a request or an accept sends to PostgreSQL or hears from it.

Nothing is half done, nothing is doubled by who asks again, and nothing stays reserved or held for who does not.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from flowdesk_client import Api, Key, Unreachable

from apps.core import clock, db
from apps.jobs import credit as credit_jobs
from apps.jobs import rfqs as rfq_jobs
from apps.jobs import settlement as settlement_jobs
from apps.pricing.feeds import bus
from tests import books, lines, world
from tests import web as webs
from tests.commits import wait_for_the_dead
from tests.ports import free_port
from tests.settlement import world as here

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]

# One process with everything loaded; each request gets a child of it, which ends itself by SIGKILL at one word.
NURSERY = """
import os, signal, sys
from wsgiref.simple_server import WSGIRequestHandler, make_server
from flowdesk.wsgi import application
from apps.core.pipe import Flight

class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass

def serve(environ, start):
    asked_of.append(environ["PATH_INFO"])
    return application(environ, start)

asked_of = []
server = make_server("127.0.0.1", int(os.environ["WEB_PORT"]), serve, handler_class=Quiet)
print("ready", flush=True)
for line in sys.stdin:
    number, when = line.split()
    child = os.fork()
    if child == 0:
        count = 0

        def counted(word):
            def one(flight, *of):
                global count
                count += 1
                if (count, when) == (int(number), "before"):
                    os.kill(os.getpid(), signal.SIGKILL)
                out = word(flight, *of)
                if (count, when) == (int(number), "after"):
                    os.kill(os.getpid(), signal.SIGKILL)
                return out
            return one

        for name in ("go", "close", "read", "land"):
            setattr(Flight, name, counted(getattr(Flight, name)))
        while not any(path.startswith("/api/v1/") for path in asked_of):  # whoever else tries this port is not counted
            server.handle_request()
        os._exit(count)
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), flush=True)
"""


class Mortal:
    """A web process that is killed at a chosen word of the next request."""

    def __init__(self) -> None:
        self.port = free_port()
        environment = {
            **os.environ,
            "WEB_PORT": str(self.port),
            "FLOWDESK_PROCESS": "web",
            "DJANGO_SETTINGS_MODULE": "flowdesk.settings",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY], cwd=webs.ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._told() == "ready"

    def _told(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def run(self, key: Key, call: Callable[[Api], Any], at: int, when: str) -> int | None:
        """None: it was killed there. Else the words that the whole request took."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{at} {when}\n")
        self.process.stdin.flush()
        answered = True
        try:
            call(Api(f"http://127.0.0.1:{self.port}", key, attempts=1, timeout_s=60))  # whoever gives up early has not seen it killed
        except Unreachable:
            answered = False
        told = self._told()
        assert answered == (told != "killed")
        return None if told == "killed" else int(told)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


@pytest.fixture
def mortal(transactional_db: None) -> Iterator[Mortal]:
    one = Mortal()
    yield one
    one.close()


def firm_of(mode: str) -> world.Firm:
    here.open_house("USD", "BTC")
    bus.publish([world.depth()])
    if mode == "CREDIT":
        return world.firm("acme")
    cygnus = world.firm("cygnus", mode="PREFUNDED", members=here.THREE_PEOPLE, instructions=here.CYGNUS)
    here.pay_in("USD", D(900_000), name="Cygnus Capital", address="021000021-3001", remittance="deposit")
    settlement_jobs.run_all()
    return cygnus


def ask(api: Api, name: str) -> Any:
    body = {"client_rfq_id": f"r-{name}", "instrument": "BTC-USD", "side": "buy", "quantity": "0.5"}
    return api.post("/api/v1/rfqs", body, idempotency_key=f"ask-{name}-0123456789abcdef")


def accept(api: Api, quote: Any, name: str) -> Any:
    body = {"client_order_id": f"o-{name}", "side": "buy", "price": quote["buy"]["price"]}
    return api.post(f"/api/v1/quotes/{quote['id']}/accept", body, idempotency_key=f"take-{name}-0123456789abcdef")


def stands(step: str, name: str) -> int:
    """How many requests (or deals) of this name there are, each with its quote."""
    if step == "ask":
        return int(
            db.one("SELECT count(*) FROM rfqs_rfq r JOIN rfqs_quote q ON q.rfq_id = r.id WHERE client_rfq_id = %s", (f"r-{name}",))[0]
        )
    return int(db.one("SELECT count(*) FROM trades_trade WHERE client_order_id = %s", (f"o-{name}",))[0])


def all_is_given_back(deals: int) -> None:
    """Time passes, the sweeps run: nothing is reserved or held, and every proof holds."""
    clock.freeze_desk(world.NOON + timedelta(minutes=3))
    rfq_jobs.sweep_quotes()
    rfq_jobs.sweep_rfqs()
    credit_jobs.sweep_orphans()
    assert [lines.taken(one)[0] for one in (lines.PRE, lines.SETTLEMENT)] == [0, 0]
    assert db.one("SELECT count(*) FROM ledger_hold WHERE status = 'PENDING'") == (0,)
    assert db.one("SELECT count(*), count(DISTINCT quote_id) FROM trades_trade") == (deals, deals)
    books.proven()


def _may_stand(at: int, when: str, last: int) -> set[int]:
    """The last word but one sends COMMIT, the last hears of it: who dies between them does not know."""
    if (at, when) == (last, "after"):
        return {1}
    return {0, 1} if at == last or (at, when) == (last - 1, "after") else {0}


drill = pytest.mark.drill


@pytest.mark.parametrize(
    ("step", "mode", "everywhere"),
    [
        ("accept", "CREDIT", False),
        pytest.param("ask", "CREDIT", True, marks=drill),
        pytest.param("ask", "PREFUNDED", True, marks=drill),
        pytest.param("accept", "CREDIT", True, marks=drill),
        pytest.param("accept", "PREFUNDED", True, marks=drill),
    ],
)
def test_a_web_process_killed_at_any_word_leaves_all_of_it_or_nothing(
    web: webs.Web, mortal: Mortal, step: str, mode: str, everywhere: bool
) -> None:
    key = webs.key_for(firm_of(mode).trader)
    living = Api(web.url, key)

    def call(name: str) -> Callable[[Api], Any]:
        if step == "ask":
            return lambda api: ask(api, name)
        quote = ask(living, name)["quote"]
        return lambda api: accept(api, quote, name)

    accept(living, ask(living, "warm")["quote"], "warm")
    last = mortal.run(key, call("whole"), 0, "never")
    assert last is not None
    assert last >= 4
    assert stands(step, "whole") == 1
    deals = 1 + (step == "accept")
    for at in range(1 if everywhere else last, last + 1):
        for when in ("before", "after"):
            for again in (True, False):
                name = f"{at}-{when}-{again}"
                request = call(name)
                assert mortal.run(key, request, at, when) is None
                wait_for_the_dead()
                done = stands(step, name)
                assert done in _may_stand(at, when, last), "all of it, or nothing"
                if again:
                    first, second = request(living), request(living)
                    assert first == second
                    assert stands(step, name) == 1
                deals += (step == "accept") and (again or done == 1)
    all_is_given_back(deals)
