"""Writes a Bruno collection out of the API's OpenAPI document: every operation, signed by a script before it is sent. `make client`.

python clients/python/tools/collection.py docs/openapi.yaml docs/collection
"""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

SCRIPT = """\
// Signs the request: RFC 9421, Ed25519, profile otc-v1. Needs Bruno's developer mode (bru run --sandbox=developer).
const crypto = require("crypto");
const fs = require("fs");
const fill = (text) => text.replace(/{{\\s*([\\w-]+)\\s*}}/g, (whole, name) => {
  if (name === "newId") return crypto.randomUUID();
  for (const one of [bru.getVar(name), bru.getRequestVar(name), bru.getEnvVar(name), bru.getProcessEnv(name)]) {
    if (one !== undefined && one !== null) return String(one);
  }
  return whole;
});
const key = JSON.parse(fs.readFileSync(fill("{{keyFile}}"), "utf8"));
const url = new URL(fill(req.getUrl()));
const method = req.getMethod().toUpperCase();
const names = ["@method", "@authority", "@path", "@query"];
const lines = [`"@method": ${method}`, `"@authority": ${url.host}`, `"@path": ${url.pathname}`, `"@query": ${url.search || "?"}`];
req.setUrl(url.toString());
if (!["GET", "HEAD"].includes(method)) {
  const given = req.getBody();
  const text = fill(typeof given === "string" ? given : JSON.stringify(given ?? {}));
  const body = JSON.stringify(JSON.parse(text || "{}"));
  const fields = {
    "content-type": "application/json",
    "content-digest": `sha-256=:${crypto.createHash("sha256").update(body).digest("base64")}:`,
    "idempotency-key": `"${crypto.randomBytes(16).toString("hex")}"`,
  };
  for (const [name, value] of Object.entries(fields)) {
    names.push(name);
    lines.push(`"${name}": ${value}`);
    req.setHeader(name, value);
  }
  req.setBody(body);
}
const list = names.map((name) => `"${name}"`).join(" ");
const nonce = crypto.randomBytes(16).toString("hex");
const params = `(${list});created=${Math.floor(Date.now() / 1000)};keyid="${key.key_id}";alg="ed25519";nonce="${nonce}";tag="otc-v1"`;
lines.push(`"@signature-params": ${params}`);
const signature = crypto.sign(null, Buffer.from(lines.join("\\n")), key.private_key_pem).toString("base64");
req.setHeader("signature-input", `sig1=${params}`);
req.setHeader("signature", `sig1=:${signature}:`);
"""
ENVIRONMENTS = {"demo": ("http://localhost:8000", "var/key.json"), "sandbox": ("http://localhost:8100", "var/sandbox/keys/acme.json")}
ONCE = {"client_rfq_id", "client_order_id", "client_reference"}  # unique for ever: made anew each time it is sent
README = """\
# The API as a Bruno collection

Every operation with an example, made out of `docs/openapi.yaml` by `make client`. Open this folder in [Bruno](https://www.usebruno.com),
choose the environment `demo` or `sandbox`, set `keyFile` to your key file (absolute, or relative to where Bruno runs), and allow
developer mode: the script of the collection signs each request with your key before it is sent. By the command line:

```sh
bru run --sandbox=developer --env demo --env-var keyFile=/path/to/key.json trades/list.bru
```

Ids in paths are variables of each request (`vars`); `client_rfq_id` and its like are made anew each time.
"""


def _block(name: str, lines: list[str]) -> str:
    return f"{name} {{\n" + "".join(f"  {line}\n" if line else "\n" for line in lines) + "}\n"


def _example(schema: dict[str, Any]) -> Any:
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        need = set(schema.get("required", ())) | set((schema.get("oneOf") or [{}])[0].get("required", ()))
        return {name: _example(part) for name, part in schema.get("properties", {}).items() if name in need}
    if kind == "array":
        return [_example(schema.get("items", {}))]
    return {"integer": schema.get("minimum", 1), "boolean": True}.get(str(kind), "1" if schema.get("format") == "decimal" else "x")


def _body(about: dict[str, Any]) -> Any:
    content = about["requestBody"]["content"]["application/json"]
    given = next((one["value"] for one in content.get("examples", {}).values() if "value" in one), None)
    body = _example(content["schema"]) if given is None else given
    if isinstance(body, dict):
        body = {name: "{{newId}}" if name in ONCE else value for name, value in body.items()}
    return body


def request(number: int, name: str, method: str, path: str, about: dict[str, Any]) -> str:
    """One .bru file."""
    ids = re.findall(r"\{(\w+)\}", path)
    query = [p for p in about.get("parameters", ()) if p["in"] == "query"]
    address = "{{baseUrl}}" + re.sub(r"\{(\w+)\}", r"{{\1}}", path)
    lines = [f"url: {address}", f"body: {'json' if 'requestBody' in about else 'none'}", "auth: none"]
    out = [_block("meta", [f"name: {name}", "type: http", f"seq: {number}"]), _block(method, lines)]
    if query:
        out.append(_block("params:query", [f"~{p['name']}: " for p in query]))
    if "requestBody" in about:
        out.append(_block("body:json", json.dumps(_body(about), indent=2, ensure_ascii=False).splitlines()))
    if ids:
        out.append(_block("vars:pre-request", [f"{one}: {one}" for one in ids]))
    answers = [f"{code}: {answer.get('description', '')}" for code, answer in sorted(about["responses"].items())]
    words = [about.get("summary", ""), "", *answers]
    out.append(_block("docs", words))
    return "\n".join(out)


def generate(document: dict[str, Any], operations: list[tuple[str, Any]]) -> dict[str, str]:
    """File name to text."""
    out = {
        "README.md": README,
        "bruno.json": json.dumps({"version": "1", "name": document["info"]["title"], "type": "collection"}, indent=2) + "\n",
        "collection.bru": _block("script:pre-request", SCRIPT.splitlines()),
    }
    for name, (url, key) in ENVIRONMENTS.items():
        out[f"environments/{name}.bru"] = _block("vars", [f"baseUrl: {url}", f"keyFile: {key}"])
    for number, (verb, one) in enumerate(operations, 1):
        folder = one.parts[0]
        out[f"{folder}/{verb}.bru"] = request(number, f"{folder} {verb}".replace("_", " "), one.method, one.path, one.about)
    return out


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    import generate as library

    document, target = yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2])
    shutil.rmtree(target, ignore_errors=True)
    for name, text in generate(document, library.operations(document)).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
