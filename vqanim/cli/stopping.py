"""Ctrl-C, SIGTERM and SIGHUP end a render in good order: locks are released, and it can be continued."""

from __future__ import annotations

import _thread
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# SIGHUP does not exist on Windows.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stopped(BaseException):
    """A signal asked the program to end. Not an Exception, so that nothing on the way handles it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum


def catch_ctrl_c() -> None:
    """From now on Ctrl-C raises KeyboardInterrupt, which whoever is at work puts in order; until now it ended
    the program at once (see vqanim.__main__). Raised in a callback of the interpreter's own it would only be
    printed there and forgotten: then it is raised again."""
    if getattr(signal.getsignal(signal.SIGINT), "__module__", "").endswith("__main__"):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _raise_again


def _raise_again(lost: sys.UnraisableHookArgs) -> None:
    if isinstance(lost.exc_value, Stopped):
        signal.raise_signal(lost.exc_value.exit_code - 128)
    elif isinstance(lost.exc_value, KeyboardInterrupt):
        _thread.interrupt_main()
    else:
        sys.__unraisablehook__(lost)


@contextmanager
def stopping() -> Iterator[None]:
    """Raise Stopped where the program is when one of SIGNALS arrives; a second one ends the process at once,
    which loses nothing that is on the disk.

    A signal that is ignored on entry stays ignored: `nohup` and background jobs rely on it.
    """
    before = {s: signal.getsignal(s) for s in SIGNALS if signal.getsignal(s) is not signal.SIG_IGN}

    def stop(signum: int, frame: FrameType | None) -> None:
        for number in before:
            signal.signal(number, leave)
        raise Stopped(signum)

    def leave(signum: int, frame: FrameType | None) -> None:
        os.write(2, b"\nstopped at once; run the same command to continue\n")
        os._exit(128 + signum)

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
