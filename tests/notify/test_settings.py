"""Plain http to this machine is the demo's alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "DEBUG": "0", "SECRET_KEY": "x" * 50, "DATABASE_URL": "postgres://a:b@h/n", "VALKEY_URL": "redis://h", "ALLOWED_HOSTS": "h",
}  # fmt: skip


@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_webhooks_never_reach_this_machine_outside_the_demo(environment: str) -> None:
    code = "from flowdesk import settings; print(settings.WEBHOOKS_TO_LOOPBACK)"
    env = {"PATH": os.environ["PATH"], **PRODUCTION, "FLOWDESK_ENVIRONMENT": environment}
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert told.stdout == "False\n", told.stderr
    env["WEBHOOKS_TO_LOOPBACK"] = "1"
    refused = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "WEBHOOKS_TO_LOOPBACK" in refused.stderr
