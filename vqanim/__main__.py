"""Where `vqanim` and `python -m vqanim` begin. Until the program is read, Ctrl-C ends it at once, without a
traceback: nothing is begun yet that would have to be put in order."""

from __future__ import annotations

import os
import signal
import sys


def leave(signum: int, frame: object) -> None:
    """End the process."""
    os.write(2, b"stopped\n")
    os._exit(128 + signum)


def run() -> int:
    """Read the program, run one command and return its exit code."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored
        signal.signal(signal.SIGINT, leave)
    from contextlib import suppress

    from vqanim.cli.main import main

    code = main()
    if code == 128 + signal.SIGINT:
        # All is in order. A KeyboardInterrupt that passed through `exec`, as in dataclasses, would make the
        # interpreter end by a signal instead.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # all is done; only the end is left
        signal.signal(signal.SIGINT, leave)
    return code


if __name__ == "__main__":
    sys.exit(run())
