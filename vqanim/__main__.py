"""`python -m vqanim` is `vqanim`."""

import sys

from vqanim.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
