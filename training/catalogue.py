"""Refresh the hashes of this package's own files in the catalogue: `python training/catalogue.py`."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vqanim.models.catalogue import FOLDER
from vqanim.models.entries import PackageFile

FILE = re.compile(r'(package: (\S+)\n +path: (\S+)\n +sha256: )"([0-9a-f]*)"')


def refresh() -> None:
    """Write the SHA-256 of every file that is there into `catalogue.yaml`, touching nothing else."""
    catalogue = FOLDER / "catalogue.yaml"
    text = catalogue.read_text(encoding="utf-8")
    catalogue.write_text(FILE.sub(hashed, text), encoding="utf-8")
    for _, _, path, digest in FILE.findall(catalogue.read_text(encoding="utf-8")):
        print(f"{digest}  {path}")


def hashed(match: re.Match[str]) -> str:
    """The entry with the hash of the file as it is now; as before where the file is missing."""
    path = PackageFile(match[2], match[3], "").locate()
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else match[4]
    return f'{match[1]}"{digest}"'


if __name__ == "__main__":
    refresh()
