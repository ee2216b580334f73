from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from vqanim.errors import InputError, UsageError
from vqanim.models.catalogue import find_entries, get_generator_entry, get_perceptor_entry, read_catalogue
from vqanim.models.clip import clip_package
from vqanim.models.entries import (
    GeneratorEntry,
    PackageFile,
    Pin,
    RemoteFile,
    UnknownModel,
    is_address,
    pin_path,
    write_pin,
)
from vqanim.scene import load_scene


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
    assert generator.license
    assert perceptor.license


def test_every_file_that_comes_along_is_there_with_its_hash() -> None:
    catalogue = read_catalogue()
    for entry in (entry for entries in catalogue.values() for entry in entries.values()):
        for file in entry.files.values():
            if isinstance(file, PackageFile):
                assert hashlib.sha256(file.locate().read_bytes()).hexdigest() == file.sha256, file.path


def test_embedded_files_stay_small() -> None:
    folder = get_generator_entry("pocket").files["weights"].locate().parent
    assert sum(path.stat().st_size for path in folder.iterdir()) < 25_000_000


def test_the_hash_depends_on_every_file() -> None:
    entry = get_generator_entry("pocket")
    for role, file in entry.files.items():
        assert isinstance(file, PackageFile)
        other = {**entry.files, role: replace(file, sha256="ab" * 32)}
        assert replace(entry, files=other).hash != entry.hash


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pokcet", ["'pokcet'", "did you mean 'pocket'?", "known are pocket, imagenet-1024"]),
        ("imagenet-16348", ["did you mean 'imagenet-16384'?"]),
        ("vqgan_imagenet_f16_16384", ["did you mean 'imagenet-16384'?"]),
        ("FacesHQ", ["did you mean 'faceshq'?"]),
        ("zzz", ["unknown generator 'zzz'; known are pocket"]),
        ("ViT-B/32", ["'ViT-B/32' is a perceptor, not a generator"]),
    ],
)
def test_unknown_generators_get_a_helpful_answer(name: str, words: list[str]) -> None:
    with pytest.raises(UnknownModel) as caught:
        get_generator_entry(name)
    assert isinstance(caught.value, UsageError)
    for expected in words:
        assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("vit-b/16", "did you mean 'ViT-B/16'?"),
        ("ViT-B-32", "did you mean 'ViT-B/32'?"),
        ("imagenet-1024", "is a generator, not a perceptor"),
        ("zzz", "and names like open_clip:ViT-B-32/laion2b_s34b_b79k"),
        ("open_clip:ViT-B-23/laion", "open_clip knows no model 'ViT-B-23'; did you mean 'ViT-B-32'?"),
        ("open_clip:ViT-B-32", "names of open_clip are like 'open_clip:ViT-B-32/laion2b_s34b_b79k'"),
        ("open_clip:../../x/y", "names of open_clip are like"),
    ],
)
def test_unknown_perceptors_get_a_helpful_answer(name: str, words: str) -> None:
    if "knows no" in words and importlib.util.find_spec("open_clip") is None:
        pytest.skip("open_clip is not installed")
    with pytest.raises(UnknownModel) as caught:
        get_perceptor_entry(name)
    assert words in str(caught.value)


OFFICIAL = [
    "imagenet-1024", "imagenet-16384", "coco-stuff", "openimages", "wikiart-1024", "wikiart-16384", "faceshq",
    "sflckr", "ade20k", "celebahq", "ffhq", "RN50", "RN101", "RN50x4", "RN50x16", "RN50x64", "ViT-B/32",
    "ViT-B/16", "ViT-L/14", "ViT-L/14@336px",
]  # fmt: skip


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_models_are_described(name: str) -> None:
    (entry,) = find_entries(name)
    assert all((entry.license, entry.commercial, entry.source, entry.good_at, entry.size, entry.unchecked))
    for role, file in entry.files.items():
        assert isinstance(file, RemoteFile)
        assert file.urls
        assert all(is_address(url) for url in file.urls)
        assert file.place.startswith(f"{name.replace('/', '-')}/{role}.")
        assert file.sha256 or "hashes" in entry.unchecked
    if isinstance(entry, GeneratorEntry):
        assert entry.multiple == (8 if name == "openimages" else 16)
        assert entry.smoothing == 0


def test_clips_are_those_of_the_clip_package() -> None:
    for name, address in clip_package().clip._MODELS.items():
        file = get_perceptor_entry(name).files["weights"]
        assert isinstance(file, RemoteFile)
        assert file.urls[0] == address
        assert file.sha256
        assert file.sha256 in address


def test_names_that_scenes_may_use_are_read_by_them(tmp_path: Path) -> None:
    names = [*OFFICIAL[11:], "open_clip:ViT-B-32/laion2b_s34b_b79k"]
    for name in names:
        (tmp_path / "s.yaml").write_text(f"models: {{perceptor: {name}}}\nduration: 1s\n")
        load_scene(tmp_path / "s.yaml")


def test_models_of_open_clip_need_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(InputError, match=r"python -m pip install 'vqanim\[open-clip\]'"):
        get_perceptor_entry("open_clip:ViT-B-32/laion2b_s34b_b79k")


def test_the_hash_of_unknown_weights_changes_with_their_pin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path))
    hashes = {get_generator_entry("ffhq").hash}
    assert not get_generator_entry("ffhq").is_known
    for digest in ("ab" * 32, "cd" * 32):
        for place in ("ffhq/config.yaml", "ffhq/weights.ckpt"):
            write_pin(place, Pin(digest, 3, "http://x/"))
        assert get_generator_entry("ffhq").is_known
        hashes.add(get_generator_entry("ffhq").hash)
    assert len(hashes) == 3


@pytest.mark.parametrize("content", ["{", "[]", '{"sha256": "../x", "size": 3, "address": ""}', '{"a": 1}'])
def test_a_damaged_pin_is_named(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path))
    pin_path("ffhq/config.yaml").parent.mkdir(parents=True)
    pin_path("ffhq/config.yaml").write_text(content)
    with pytest.raises(InputError, match=r"config\.yaml\.json: this pin .*; delete it"):
        get_generator_entry("ffhq")


MINE = """\
generators:
  lab/forest:
    family: vqgan
    multiple: 16
    files:
      config: {urls: ["http://lab/c.yaml"]}
      weights: {urls: ["http://lab/m.ckpt"], size: 12}
"""


def test_a_catalogue_of_ones_own_comes_on_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text(MINE)
    monkeypatch.setenv("VQANIM_CATALOGUE", str(tmp_path / "mine.yaml"))
    entry = get_generator_entry("lab/forest")
    assert (entry.multiple, entry.learning_rate, entry.size) == (16, 0.1, 12)
    assert [getattr(file, "place", "") for file in entry.files.values()] == [
        "lab-forest/config.yaml",
        "lab-forest/weights.ckpt",
    ]
    assert get_generator_entry("pocket").multiple == 4


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("generators", "models", "a catalogue has the keys generators and perceptors"),
        ("family: vqgan", "family: x", "generators.lab/forest.family: found 'x', allowed are vqgan"),
        ("    multiple: 16\n", "", "generators.lab/forest.multiple: is missing"),
        ("multiple: 16", "multiple: -1", "generators.lab/forest.multiple: found '-1'"),
        ("multiple: 16", "multiple: 16\n    x: 1", "generators.lab/forest: unknown key 'x'"),
        ("http://lab/c.yaml", "file:///etc/passwd", "expected a list of http or https addresses"),
        ("lab/forest", "../forest", "'../forest' cannot be a model's name"),
        ("size: 12", "sha256: abc", "expected 64 digits"),
        ("multiple: 16", 'multiple: 16\n    license: "a\\e[31m"', "expected a text on one line"),
        ("generators:", "generators: [", "this catalogue is no YAML"),
    ],
)
def test_mistakes_in_a_catalogue_are_named(
    old: str, new: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yaml").write_text(MINE.replace(old, new))
    monkeypatch.setenv("VQANIM_CATALOGUE", str(tmp_path / "mine.yaml"))
    with pytest.raises(InputError) as caught:
        get_generator_entry("lab/forest")
    assert str(caught.value).startswith(f"{tmp_path / 'mine.yaml'}: ")
    assert words in str(caught.value)


def test_a_missing_package_is_named_with_the_remedy() -> None:
    file = PackageFile("no_such_package", "weights.pth", "0" * 64)
    with pytest.raises(
        InputError, match=r"no_such_package is not installed; .*pip install .* no-such-package"
    ):
        file.locate()
