"""`kill -9` of a web process before and after each round trip of a request and of an accept.

Nothing is half done, nothing is doubled by who asks again, and nothing stays reserved or held for who does not.
"""

import os
import subprocess
import sys
import time
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
from tests.settlement import world as here

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

# One process with everything loaded; each request gets a child of it, which ends itself by SIGKILL at one flight.
NURSERY = """
import os, signal, sys
from wsgiref.simple_server import WSGIRequestHandler, make_server
from flowdesk.wsgi import application
from apps.core import flights

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
        send, count = flights._send, 0

        def counted(queue):
            global count
            count += 1
            if (count, when) == (int(number), "before"):
                os.kill(os.getpid(), signal.SIGKILL)
            rows = send(queue)
            if (count, when) == (int(number), "after"):
                os.kill(os.getpid(), signal.SIGKILL)
            return rows

        flights._send = counted
        while not any(path.startswith("/api/v1/") for path in asked_of):  # whoever else tries this port is not counted
            server.handle_request()
        os._exit(count)
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), flush=True)
"""


class Mortal:
    """A web process that is killed at a chosen flight of the next request."""

    def __init__(self) -> None:
        self.port = webs.free_port()
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
        """None: it was killed there. Else the flights that the whole request took."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{at} {when}\n")
        self.process.stdin.flush()
        answered = True
        try:
            call(Api(f"http://127.0.0.1:{self.port}", key, attempts=1))
        except Unreachable:
            answered = False
        told = self._told()
        assert answered == (told != "killed")
        return None if told == "killed" else int(told)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)


@pytest.fixture
def mortal(transactional_db: None) -> Iterator[Mortal]:
    one = Mortal()
    yield one
    one.close()


def wait_for_the_dead() -> None:
    """Until no session is left in the middle of a transaction."""
    deadline = time.monotonic() + 15
    left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
    while db.one(left) != (0,):
        assert time.monotonic() < deadline, "a dead process still holds its transaction"
        time.sleep(0.02)


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
def test_a_web_process_killed_at_any_flight_leaves_all_of_it_or_nothing(
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
                done = int((at, when) == (last, "after"))
                assert stands(step, name) == done, "the last flight is the commit: all of it, or nothing"
                if again:
                    first, second = request(living), request(living)
                    assert first == second
                    assert stands(step, name) == 1
                deals += (step == "accept") and (again or bool(done))
    all_is_given_back(deals)
