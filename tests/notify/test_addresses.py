"""Where a webhook may go: the table of tricks, then the tricks against the real connection."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from apps.notify.errors import UrlNotAllowed
from apps.notify.rails import https
from apps.notify.rules import schedule
from apps.notify.rules.addresses import Target, is_public, may_connect, parse
from tests.notify.receiver import receiving

GOOD = {
    "https://hooks.example.com": Target("https", "hooks.example.com", 443, "/"),
    "https://hooks.example.com/": Target("https", "hooks.example.com", 443, "/"),
    "https://HOOKS.Example.com/a/b?c=d&e": Target("https", "hooks.example.com", 443, "/a/b?c=d&e"),
    "https://hooks.example.com:443/x": Target("https", "hooks.example.com", 443, "/x"),
    "https://hooks.example.com:8443/x": Target("https", "hooks.example.com", 8443, "/x"),
    "https://xn--bcher-kva.example/": Target("https", "xn--bcher-kva.example", 443, "/"),
    "https://a.b-c.example/%2e%2e/@x:y": Target("https", "a.b-c.example", 443, "/%2e%2e/@x:y"),
    "https://1.2.3.4.example.com/": Target("https", "1.2.3.4.example.com", 443, "/"),
}
BAD = [
    # not https, not whole
    "", "hooks.example.com", "//hooks.example.com/", "http://hooks.example.com/", "HTTPS://hooks.example.com/", "ftp://hooks.example.com/",
    "file:///etc/passwd", "gopher://hooks.example.com/", "javascript:alert(1)", "https:hooks.example.com", "https:///x", "https://",
    "https://?x", "https://hooks.example.com/#x", "https://hooks.example.com/#", "https://" + "a" * 1000 + ".example.com/",
    # user, port
    "https://user@hooks.example.com/", "https://user:pw@hooks.example.com/", "https://@hooks.example.com/",
    "https://hooks.example.com@169.254.169.254/", "https://hooks.example.com:80/", "https://hooks.example.com:22/",
    "https://hooks.example.com:6379/", "https://hooks.example.com:0/", "https://hooks.example.com:65536/", "https://hooks.example.com:x/",
    "https://hooks.example.com:/", "https://hooks.example.com:-1/", "https://hooks.example.com:4\u06643/",
    # addresses in every dress
    "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/",
    "https://017700000001/", "https://0/", "https://0.0.0.0/", "https://169.254.169.254/", "https://169.254.169.254./",
    "https://2852039166/", "https://0xa9fea9fe/", "https://0251.0376.0251.0376/", "https://8.8.8.8/", "https://1.1.1.1/", "https://[::1]/",
    "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[64:ff9b::7f00:1]/", "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/", "https://[2606:4700::1111]/", "https://[::1/", "https://1.2.3.0x4/", "https://example.123/",
    "https://\u2460\u2461\u2466.0.0.1/", "https://127\u30020\u30020\u30021/", "https://127%2e0%2e0%2e1/",
    # names of the inside
    "https://localhost/", "https://localhost./", "https://foo.localhost/", "https://metadata/", "https://metadata.google.internal/",
    "https://db.internal/", "https://printer.local/", "https://router.lan/", "https://x.home.arpa/", "https://intranet/",
    "https://vault.corp/", "https://x.onion/", "https://hooks.example.com./",
    # no names
    "https://-a.example.com/", "https://a-.example.com/", "https://a..example.com/", "https://.example.com/", "https://a_b.example.com/",
    "https://" + "a" * 64 + ".example.com/", "https://" + "a." * 130 + "com/", "https://b\u00fccher.example/", "https://a%00.example.com/",
    # what parsers read differently
    "https://hooks.example.com\\@169.254.169.254/", "https://hooks.example.com\\.evil.example/", "https:\\\\hooks.example.com/",
    "https://hooks.example.com/ x", " https://hooks.example.com/", "https://hooks.example.com/\n", "https://hooks.example.com/\r\nHost: x",
    "https://hooks.example.com\t/", "https://hooks.exam\nple.com/", "https://hooks.example.com/\x00", "https://hooks.example.com/\u00e9",
    "https:/\\hooks.example.com/", "https://hooks.example.com;127.0.0.1/", "https://hooks.example.com,127.0.0.1/",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.0", "169.253.1.1",
    "223.255.255.255", "2606:4700::1111", "2a00:1450:4001:80b::200e", "2620:fe::fe",
]  # fmt: skip
NOT_PUBLIC = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1",
    "127.255.255.254", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16", "::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1",
    "::8.8.8.8", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "2606:4700::1111%eth0", "fec0::1", "ff02::1", "", "localhost", "8.8.8",
    "08.8.8.8", "8.8.8.8\n",
]  # fmt: skip


@pytest.mark.parametrize("url", GOOD)
def test_a_public_https_address_is_taken_apart(url: str) -> None:
    assert parse(url) == GOOD[url]
    assert parse(url, loopback=True) == GOOD[url]


@pytest.mark.parametrize("url", BAD, ids=ascii)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(UrlNotAllowed):
        parse(url)


def test_plain_http_to_this_machine_needs_the_setting_and_is_nothing_more() -> None:
    for url, host, port in (
        ("http://127.0.0.1:9/x", "127.0.0.1", 9), ("http://localhost/x", "localhost", 80), ("http://[::1]:8000/x", "::1", 8000),
    ):  # fmt: skip
        assert parse(url, loopback=True) == Target("http", host, port, "/x")
        with pytest.raises(UrlNotAllowed):
            parse(url)
    for url in ("http://127.0.0.2/", "http://10.0.0.1/", "http://0/", "http://hooks.example.com/", "http://u@localhost/", "https://localhost/",
                "http://localhost.example.com/", "http://169.254.169.254/"):  # fmt: skip
        with pytest.raises(UrlNotAllowed):
            parse(url, loopback=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC, ids=ascii)
def test_everything_else_is_not(address: str) -> None:
    assert not is_public(address)


def test_one_address_that_is_not_public_spoils_a_name() -> None:
    target = parse("https://hooks.example.com/")
    assert may_connect(target, ["8.8.8.8", "2606:4700::1111"])
    assert not may_connect(target, ["8.8.8.8", "10.0.0.1"])
    assert not may_connect(target, [])
    assert not may_connect(Target("http", "localhost", 80, "/"), ["127.0.0.1", "8.8.8.8"])


# --- against the real connection --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], ["64:ff9b::7f00:1"], ["0.0.0.0"], []],
)
def test_a_name_that_leads_inside_is_never_connected_to(addresses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    touched: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *a, **kw: touched.append(a))
    out = https.post(parse("https://hooks.example.com/"), headers={}, body=b"{}", lookup=lambda *_: addresses)
    assert (out.error, out.status, touched) == ("address_not_allowed", None, [])


def test_a_name_is_looked_up_once_so_that_it_cannot_change_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebinding: the second answer of the name is this machine. Nobody asks for it: what was judged is what is connected to."""
    answers, asked, went = [["93.184.216.34"], ["127.0.0.1"]], [], []

    def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        went.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    out = https.post(parse("https://hooks.example.com/"), headers={}, body=b"{}", lookup=lookup)
    assert (asked, went, out.error) == (["hooks.example.com"], [("93.184.216.34", 443)], "connect_failed")


@pytest.mark.parametrize(("error", "code"), [(socket.gaierror(-2, "x"), "name_not_found"), (UnicodeError(), "name_not_found")])
def test_a_name_that_is_none(error: Exception, code: str) -> None:
    def lookup(*_: object) -> list[str]:
        raise error

    assert https.post(parse("https://hooks.example.com/"), headers={}, body=b"{}", lookup=lookup).error == code


def test_a_resolver_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https, "LOOKUP_S", 1)
    gate = threading.Event()
    out = https.post(parse("https://hooks.example.com/"), headers={}, body=b"{}", lookup=lambda *_: [str(gate.wait(200))])
    gate.set()
    assert out.error == "name_timeout"
    assert out.took_ms < 100_000


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of its own for hooks.example.com."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
               "/CN=hooks.example.com", "-addext", "subjectAltName=DNS:hooks.example.com", "-keyout", str(folder / "key.pem"),
               "-out", str(folder / "cert.pem")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return folder


@contextmanager
def tls_receiver(folder: Path) -> Iterator[tuple[int, list[str], list[bytes]]]:
    """Speaks TLS on this machine; keeps the names it was asked for and what it was sent."""
    names: list[str] = []
    heard: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.sni_callback = lambda _sock, name, _context: names.append(str(name))  # type: ignore[assignment]
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(plain, server_side=True) as line:
                    heard.append(line.recv(65536))
                    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            except (ssl.SSLError, OSError):
                plain.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1], names, heard
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(30)


def test_over_tls_the_name_is_asked_for_at_exactly_the_address(certificate: Path) -> None:
    trust = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    with tls_receiver(certificate) as (port, names, heard):
        target = Target("https", "hooks.example.com", port, "/hook?x=1")
        out = https.post(
            target, headers={"webhook-id": "evt_1"}, body=b"{}", lookup=lambda *_: ["127.0.0.1"], may=lambda *_: True, tls=trust
        )
        assert (out.status, out.error, out.answer) == (200, "", b"ok")
        assert names == ["hooks.example.com"]
        [said] = heard
        assert said.startswith(b"POST /hook?x=1 HTTP/1.1\r\n")
        assert f"\r\nHost: hooks.example.com:{port}\r\n".encode() in said
        assert b"\r\nwebhook-id: evt_1\r\n" in said


def test_a_certificate_of_nobody_or_of_another_name_is_refused(certificate: Path) -> None:
    trust = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    with tls_receiver(certificate) as (port, _, heard):
        for host, tls in (("hooks.example.com", None), ("other.example.com", trust)):
            target = Target("https", host, port, "/")
            out = https.post(target, headers={}, body=b"{}", lookup=lambda *_: ["127.0.0.1"], may=lambda *_: True, tls=tls)
            assert (out.status, out.error) == (None, "tls_failed"), host
        assert heard == []


def test_the_next_address_is_tried_when_one_does_not_listen() -> None:
    with receiving() as receiver:
        target = Target("http", "localhost", receiver.server.server_address[1], "/")
        out = https.post(target, headers={}, body=b"{}", lookup=lambda *_: ["127.0.0.9", "127.0.0.1"])
        assert out.status == 200
        assert receiver.got[0].headers["host"] == target.authority


def test_the_schedule_is_that_of_the_standard() -> None:
    assert sum(schedule.STEPS_S) == 75 * 3600 + 35 * 60 + 5
    assert [schedule.wait_s(n, draw=lambda a, b: a) for n in range(1, 12)] == [*schedule.STEPS_S, 86400, 86400]
    assert schedule.wait_s(9, draw=lambda a, b: b) == 86400 + 8640
    assert schedule.wait_s(1, draw=lambda a, b: a, retry_after_s=10**6) == 3600
    assert [schedule.pause_s(n) for n in (0, 4, 5, 6, 9, 99)] == [0, 0, 30, 60, 600, 600]
    assert [schedule.at_once(n) for n in (0, 4, 5)] == [8, 8, 1]
