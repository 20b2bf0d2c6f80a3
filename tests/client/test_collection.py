"""The Bruno collection is what its generator makes of the schema, and its script signs what the server takes."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import playwright
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from apps.api import signing

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "clients/python/tools"
NODE = Path(playwright.__file__).parent / "driver/node"
# What Bruno gives to a script, as far as this one asks for it.
BRUNO = """
const sent = {method: %s, url: %s, body: %s, headers: {}};
const vars = %s;
const bru = {getVar: () => undefined, getRequestVar: () => undefined, getEnvVar: (n) => vars[n], getProcessEnv: () => undefined};
const req = {getUrl: () => sent.url, setUrl: (u) => { sent.url = u; }, getMethod: () => sent.method, getBody: () => sent.body,
  setBody: (b) => { sent.body = b; }, setHeader: (n, v) => { sent.headers[n] = v; }};
{ %s }
console.log(JSON.stringify(sent));
"""


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_what_the_schema_says() -> None:
    document: dict[str, Any] = yaml.load((ROOT / "docs/openapi.yaml").read_text(), Loader=yaml.CSafeLoader)
    wanted = load("collection").generate(document, load("generate").operations(document))
    folder = ROOT / "docs/collection"
    found = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert found == wanted, "run: make client"
    assert len(found) > 50


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", "{{baseUrl}}/api/v1/trades?limit=1", None),
        ("POST", "{{baseUrl}}/api/v1/rfqs", {"client_rfq_id": "{{newId}}", "instrument": "BTC-USD", "side": "buy", "quantity": "2"}),
        ("POST", "{{baseUrl}}/api/v1/rfqs/{{rfq_id}}/cancel", "{}"),
        ("DELETE", "{{baseUrl}}/api/v1/webhooks/whk_1", {}),
    ],
)
def test_its_script_signs(tmp_path: Path, method: str, url: str, body: Any) -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    (tmp_path / "key.json").write_text(json.dumps({"key_id": "ak_test_1", "private_key_pem": pem}))
    values = {"baseUrl": "http://localhost:8000", "keyFile": str(tmp_path / "key.json"), "rfq_id": "rfq_1"}
    given = [json.dumps(one) for one in (method, url, body, values)]
    (tmp_path / "run.js").write_text(BRUNO % (*given, load("collection").SCRIPT))
    done = subprocess.run([str(NODE), str(tmp_path / "run.js")], capture_output=True, text=True, check=True, timeout=100)
    sent = json.loads(done.stdout)
    path, _, query = sent["url"].removeprefix("http://localhost:8000").partition("?")
    assert "{{" not in done.stdout
    signed = signing.parse(
        headers=sent["headers"],
        method=sent["method"],
        authority="localhost:8000",
        path=path,
        query=query,
        body=b"" if method == "GET" else sent["body"].encode(),
        authorities={"localhost:8000"},
        now=int(sent["headers"]["signature-input"].split("created=")[1].split(";")[0]),
    )
    signing.verify(signed, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
