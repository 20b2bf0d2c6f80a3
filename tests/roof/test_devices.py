"""A command told to write to a device or pipe leaves it where it is."""

import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.reports.rendering import files


def test_a_pipe_is_not_replaced_by_a_report(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="not an ordinary file"), files.atomic(pipe) as out:
        out.write(b"x")
    assert pipe.is_fifo()


@pytest.mark.django_db(transaction=True)
def test_a_pipe_is_not_replaced_by_a_key(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(CommandError, match="not an ordinary file"):
        call_command("create_api_key", "--client", "acme", "--out", str(pipe), "--force")
    assert pipe.is_fifo()
