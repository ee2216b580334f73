"""Models that are here: whether they are whole, and how to be rid of them. No torch."""

from __future__ import annotations

from pathlib import Path

from vqanim.errors import InputError, UsageError
from vqanim.files import writing
from vqanim.models.cache import cache_folder, models_folder, sha256_of
from vqanim.models.entries import Entry, OwnFile, PackageFile, RemoteFile
from vqanim.models.families.open_clip import weights_place
from vqanim.models.own import remove_own
from vqanim.models.partial import Partial
from vqanim.models.pins import forget_pin


def find_damage(entry: Entry) -> list[str]:
    """What is wrong with each file of a model that is here, by its SHA-256; empty when all are whole."""
    found = []
    for file in entry.files.values():
        try:
            path = file.locate()
            digest = sha256_of(path)
        except InputError as error:
            found.append(str(error))
        except OSError as error:
            found.append(f"{path}: cannot be read ({error.strerror}); {file.remedy}")
        else:
            if file.sha256 is not None and digest != file.sha256:
                found.append(
                    f"{path}: damaged or changed: its SHA-256 is {digest[:12]}..., expected "
                    f"{file.sha256[:12]}...; {file.remedy}"
                )
    return found


def remove_model(entry: Entry, *, forget: bool = False) -> int:
    """Delete what the cache holds of a model, its converted weights included; bytes that became free.

    forget: also the hashes that its first download gave, so that another file may come next time.
    Files that packages or other programs keep are left alone. Raises UsageError for a model that comes with
    a package, OutputError when the disk refuses.
    """
    if entry.version or any(isinstance(file, PackageFile) for file in entry.files.values()):
        raise UsageError(f"{entry.name!r} comes with an installed package and is not in the cache")
    freed = 0
    for file in entry.files.values():
        if file.sha256:
            freed += _delete_file(cache_folder() / "converted" / f"{file.sha256}.safetensors")
        if isinstance(file, RemoteFile):
            freed += _delete_file(file.locate())
            Partial(file.locate()).discard()
            if forget:
                forget_pin(file.place)
            _delete_empty(file)
        elif isinstance(file, OwnFile) and entry.own:
            freed += file.size
    if entry.own:
        remove_own(entry.kind, entry.name)
    elif entry.family == "open_clip" and forget:
        forget_pin(weights_place(entry.name))
    return freed


def _delete_file(path: Path) -> int:
    """Delete a file; its size, 0 when there is none."""
    with writing(path):
        size = path.stat().st_size if path.exists() else 0
        path.unlink(missing_ok=True)
    return size


def _delete_empty(file: RemoteFile) -> None:
    """Delete the folders that held a file, as long as they are empty."""
    for folder in file.locate().parents:
        if folder == models_folder() or not folder.is_relative_to(models_folder()):
            return
        try:
            folder.rmdir()
        except OSError:
            return
