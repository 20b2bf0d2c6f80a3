"""Exact arithmetic as in every process of the platform, and the recorded data where it is."""

import os
from pathlib import Path

import pytest

from apps.core import money

money.use_exact_context()

DATA_DIR = Path(os.environ.get("DATA_DIR") or Path(__file__).resolve().parents[2].parent / "shared" / "data")


@pytest.fixture
def recorded():
    """Path of a recorded file by name; skips, saying so, where the data is not there, and fails where CI promised it."""

    def find(name: str) -> Path:
        path = DATA_DIR / name
        if not path.is_file():
            if os.environ.get("CI") and os.environ.get("DATA_DIR"):
                pytest.fail(f"{path} is missing, though CI and DATA_DIR are set")
            pytest.skip(f"recorded data is not here: {path} (set DATA_DIR)")
        return path

    return find
