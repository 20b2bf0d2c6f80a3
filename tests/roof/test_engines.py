"""The embedded engines live exactly as long as someone uses them, whoever is killed."""

import os
from pathlib import Path

from tests.roof import own


def test_engines_stay_for_the_last_user_and_then_end(tmp_path: Path) -> None:
    with own.user(tmp_path) as first, own.user(tmp_path) as second:
        assert own.ask(first) == "1 1"
        assert own.ask(second) == "2 2"
        own.leave(first)
        assert own.ask(second) == "3 3"
        own.leave(second)
        assert own.running(tmp_path) == {}, "the last one out waits until all have ended"
    with own.user(tmp_path) as third:
        assert own.ask(third) == "4 4", "what was written is there again"


def test_killed_user_leaves_nothing_running(tmp_path: Path) -> None:
    with own.user(tmp_path) as user:
        assert own.ask(user) == "1 1"
        own.kill(user.pid)
        user.wait()
        assert own.soon(lambda: not own.running(tmp_path)), own.running(tmp_path)


def test_engines_of_a_killed_keeper_end_with_it_and_the_next_start_takes_over(tmp_path: Path) -> None:
    with own.user(tmp_path) as orphan, own.user(tmp_path) as next_one:
        assert own.ask(orphan) == "1 1"
        own.kill(own.pid_of(tmp_path, "flowdesk.keeper"))
        with own.user(tmp_path) as heir:
            assert own.ask(heir).startswith("2 ")
            own.leave(heir)
        own.leave(next_one)
        own.leave(orphan)
        assert own.soon(lambda: not own.running(tmp_path)), own.running(tmp_path)


def test_killed_postmaster_is_started_again_under_its_users(tmp_path: Path) -> None:
    with own.user(tmp_path) as user:
        assert own.ask(user) == "1 1"
        own.kill(own.pid_of(tmp_path, "bin/postgres -D"))
        assert own.soon(lambda: own.ask(user).startswith("2 "))
        own.leave(user)
        assert own.running(tmp_path) == {}


def test_everything_killed_at_once_with_a_lock_file_of_a_living_process_is_taken_over(tmp_path: Path) -> None:
    with own.user(tmp_path) as user:
        assert own.ask(user) == "1 1"
        keeper, postmaster = own.pid_of(tmp_path, "flowdesk.keeper"), own.pid_of(tmp_path, "bin/postgres -D")
        data = Path(f"/proc/{postmaster}/cwd").readlink()
        for pid in (user.pid, keeper, postmaster):
            own.kill(pid)
        user.wait()
    lock = data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")  # the pid was given to somebody else meanwhile
    with own.user(tmp_path) as heir:
        assert own.ask(heir).startswith("2 ")
        own.leave(heir)
    assert own.running(tmp_path) == {}


def test_users_that_start_together_share_one_keeper(tmp_path: Path) -> None:
    with own.user(tmp_path) as one, own.user(tmp_path) as two, own.user(tmp_path) as three:
        assert sorted(own.ask(user).split()[0] for user in (one, two, three)) == ["1", "2", "3"]
        assert len([words for words in own.running(tmp_path).values() if "flowdesk.keeper" in words]) == 1
        for user in (one, two, three):
            own.leave(user)
    assert own.running(tmp_path) == {}


def test_sockets_are_closed_to_other_users_and_there_is_no_tcp(tmp_path: Path) -> None:
    from django.conf import settings

    from flowdesk import places

    sockets = places.embedded(settings.BASE_DIR, tmp_path).sockets
    with own.user(tmp_path) as user:
        assert own.ask(user) == "1 1"
        assert sockets.stat().st_mode & 0o067 == 0
        assert (sockets / "pg").stat().st_mode & 0o077 == 0
        pids = own.running(tmp_path)
        listening = [line.split()[9] for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
        inodes = {f"socket:[{inode}]" for inode in listening}
        opened = {str(fd.readlink()) for pid in pids for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()}
        assert not opened & inodes
        own.leave(user)
    assert not sockets.exists()


def test_rebuild_empties_the_engines_unless_somebody_works_on_them(tmp_path: Path) -> None:
    with own.user(tmp_path) as user, own.user(tmp_path) as other:
        assert own.ask(user) == "1 1"
        assert own.ask(other, "hold") == "2 2"
        assert own.ask(user, "rebuild") == "engines_in_use"
        assert own.ask(user) == "3 3"
        own.leave(other)
        assert own.ask(user, "rebuild") == "rebuilt"
        assert own.ask(user) == "1 1"
        own.leave(user)
