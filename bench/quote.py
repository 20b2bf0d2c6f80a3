"""`quote`: RFQ in, firm automatic quote out, over signed HTTP, against a bare view with one INSERT on the same web role."""

from statistics import median, quantiles

from bench import desk, load
from bench.rows import Row, row
from bench.web import web_role

ROUNDS, EIGHT = 5, 8


def run(seconds: int) -> list[Row]:
    desk.migrate()
    dealers = desk.open_desk()
    with desk.superuser() as session:
        session.execute(
            "CREATE TABLE bench_bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload text NOT NULL); "
            "GRANT INSERT ON bench_bare TO flowdesk_app"
        )
    desk.let_go()
    one = max(40, 40 * seconds)
    many = max(100, 100 * seconds)
    ours: list[float] = []
    bare: list[float] = []
    ours_8: list[float] = []
    bare_8: list[float] = []
    number = 0
    with web_role() as (port, _):
        for turn in range(ROUNDS + 1):
            desk.advance(turn)
            for connections, count, mine, theirs in ((1, one, ours, bare), (EIGHT, many, ours_8, bare_8)):
                rfqs = [desk.rfq_request(port, number + n, dealers) for n in range(count)]
                number += count
                got = _send(port, connections, rfqs)
                limit = _send(port, connections, [desk.post(port, "/bench/bare", {"payload": "x" * 150}, None)] * count)
                if turn:  # the first turn warms both up
                    mine.extend(got)
                    theirs.extend(limit)
    with desk.superuser() as session:
        found = session.execute("SELECT count(*) FROM rfqs_quote WHERE status = 'OPEN'").fetchone()
    assert found is not None and found[0] == number, f"{number} answers of 201, {found} open quotes"
    note = f"{len(ours)} RFQs one after the other; limit: bare view with one INSERT, same web role; desk clock frozen"
    note_8 = f"{len(ours_8)} RFQs at 8 clients; medians {median(ours_8) / 1000:.2f} and {median(bare_8) / 1000:.2f} ms"
    return [
        row("quote", median(ours) / 1000, median(bare) / 1000, "ms median", note),
        row("quote p99", _p99(ours_8) / 1000, _p99(bare_8) / 1000, "ms p99", note_8),
    ]


def _send(port: int, connections: int, requests: list[bytes]) -> list[float]:
    done = load.run(load.Job(port, connections, requests))
    assert done.statuses == {201: len(requests)}, f"{done.statuses}: {done.first_refusal[:2000]!r}"
    return done.latencies_us


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]
