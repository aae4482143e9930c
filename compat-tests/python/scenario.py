"""What every scenario needs: checks that report, waiting for a condition, asking for the server to be acted upon."""

import os
import sys
import time
import traceback

PATIENCE = 60
_failed = False


def check(name, body, *args):
    """Runs one check and prints how it went. Later checks run even after a failure."""
    global _failed
    try:
        body(*args)
        say(f"PASS {name}")
    except BaseException as error:  # pylint: disable=broad-except
        _failed = True
        say(f"FAIL {name}: {type(error).__name__}: {error}")
        traceback.print_exc()


def equal(want, got, what):
    assert want == got, f"{what}: want {want!r}, got {got!r}"


def refused(error, call, *args, **kwargs):
    """The call must raise this error, and no other."""
    try:
        call(*args, **kwargs)
    except error:
        return
    raise AssertionError(f"want {error.__name__}, but it went through")


def eventually(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)


def ask(wish):
    """restart, kill, stop or start the server; returns when it is done."""
    say(f"ASK {wish}")
    answer = sys.stdin.readline()
    assert answer == "DONE\n", f"asked to {wish}, was told {answer!r}"


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def end():
    """Ends the program; threads that clients left behind do not keep it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if _failed else 0)
