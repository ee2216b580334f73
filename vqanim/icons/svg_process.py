"""The process in which a drawing becomes pixels: it may take only so much time and memory.

Started as a file by `vqanim.icons.svg`, so that it imports nothing but the renderer. Standard input is a line
with the side in pixels, then the SVG; standard output is a PNG, or an error in words with exit status 1.
"""

from __future__ import annotations

import contextlib
import sys

CPU_SECONDS = 2
MEGABYTES = 600
"""Of addresses; four layers of the largest drawing have 256."""


def limit() -> None:
    """End this process by the operating system where it takes more; on Windows there is only the time that
    its parent waits."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES * 2**20, MEGABYTES * 2**20))


def main() -> int:
    """Draw what stands at the standard input."""
    import resvg_py

    limit()
    side, _, document = sys.stdin.buffer.read().decode("utf-8").partition("\n")
    try:
        png = resvg_py.svg_to_bytes(
            svg_string=document, width=int(side), height=int(side), dpi=96, skip_system_fonts=True
        )
    except (ValueError, OSError) as error:
        sys.stdout.write(" ".join(str(error).split())[:500])
        return 1
    sys.stdout.buffer.write(bytes(png))
    return 0


if __name__ == "__main__":
    sys.exit(main())
