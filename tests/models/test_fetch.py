from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pytest
import torch
from filelock import FileLock

from tests.models.official import FORMS, taming_vq, tiny_clip, write_config
from tests.models.server import Shelf, serving
from vqanim.cache import cache_folder, converted_path, models_folder
from vqanim.errors import InputError, UsageError
from vqanim.models.catalogue import get_generator_entry, get_perceptor_entry
from vqanim.models.download import FetchTrouble, Patience
from vqanim.models.entries import LocalFile, read_pin
from vqanim.models.fetch import (
    FetchEvent,
    FetchStarted,
    FetchWaiting,
    FileFetched,
    fetch_model,
    find_damage,
    is_installed,
    remove_model,
)
from vqanim.models.load import load_generator
from vqanim.models.open_clip_package import open_clip_package

QUICK = Patience(timeout=5, attempts=2, wait=0.01)
CONFIG, WEIGHTS = "ffhq/config.yaml", "ffhq/weights.ckpt"
CATALOGUE = """\
generators:
  ffhq:
    family: vqgan
    multiple: 4
    license: mine
    files:
      config: {urls: ["ADDRESS/gone.yaml", "ADDRESS/c.yaml"]}
      weights: {urls: ["ADDRESS/m.ckpt"]}
"""

Value = TypeVar("Value")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A server with the files of a tiny VQGAN for `ffhq`, and a catalogue that leads to it."""
    config = write_config(tmp_path, taming_vq(3).config())
    FORMS["lightning.ckpt"](taming_vq(3).state_dict(), tmp_path / "m.ckpt")
    with serving() as shelf:
        shelf.files = {"c.yaml": config.read_bytes(), "m.ckpt": (tmp_path / "m.ckpt").read_bytes()}
        (tmp_path / "mine.yaml").write_text(CATALOGUE.replace("ADDRESS", shelf.address))
        monkeypatch.setenv("VQANIM_CATALOGUE", str(tmp_path / "mine.yaml"))
        monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("VQANIM_OFFLINE", raising=False)
        monkeypatch.delenv("VQANIM_MIRROR", raising=False)
        yield shelf


def run(transfer: Generator[FetchEvent, None, Value]) -> tuple[Value, list[FetchEvent]]:
    """What a fetch gave, and all its events."""
    events = []
    while True:
        try:
            events.append(next(transfer))
        except StopIteration as stop:
            return stop.value, events


def fetch(**options: Any) -> tuple[Any, list[FetchEvent]]:
    return run(fetch_model(get_generator_entry("ffhq"), patience=QUICK, **options))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_model_is_fetched_pinned_and_loaded(shelf: Shelf) -> None:
    assert not is_installed(get_generator_entry("ffhq"))
    entry, events = fetch()
    assert events[0] == FetchStarted("ffhq", "generator", "mine", "", 2, None)
    fetched = [event for event in events if isinstance(event, FileFetched)]
    assert [(e.role, e.sha256, e.pinned) for e in fetched] == [
        ("config", sha256(shelf.files["c.yaml"]), True),
        ("weights", sha256(shelf.files["m.ckpt"]), True),
    ]
    assert [type(event) for event in events if isinstance(event, FetchTrouble)] == [FetchTrouble]
    assert entry == get_generator_entry("ffhq")
    assert is_installed(entry)
    assert load_generator("ffhq").hash == entry.hash
    names = {path.name for path in models_folder().rglob("*") if path.is_file()}
    assert names == {"config.yaml", "weights.ckpt"}


def test_what_is_here_is_not_fetched_again(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch()
    shelf.asked.clear()
    monkeypatch.setenv("VQANIM_OFFLINE", "1")
    assert fetch() == (get_generator_entry("ffhq"), [])
    assert fetch(verify=True)[1] == []
    assert shelf.asked == []


def test_a_pin_holds_ever_after(shelf: Shelf) -> None:
    fetch()
    good = shelf.files["m.ckpt"]
    remove_model(get_generator_entry("ffhq"))
    assert not is_installed(get_generator_entry("ffhq"))
    shelf.files["m.ckpt"] = good[:-1] + b"x"
    with pytest.raises(InputError, match="what came is another file: its SHA-256 is"):
        fetch()
    shelf.files["m.ckpt"] = good
    fetch()
    remove_model(get_generator_entry("ffhq"), forget=True)
    changed = shelf.files["c.yaml"] + b"# another\n"
    shelf.files["c.yaml"] = changed
    fetch()
    pin = read_pin(CONFIG)
    assert pin is not None
    assert (pin.sha256, pin.address) == (sha256(changed), shelf.url("c.yaml"))


def test_a_damaged_file_is_found_and_mended(shelf: Shelf) -> None:
    fetch()
    path = models_folder() / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    (damage,) = find_damage(get_generator_entry("ffhq"))
    assert f"{path}: damaged or changed: its SHA-256 is" in damage
    assert damage.endswith("run: vqanim models fetch ffhq")
    assert fetch()[1] == []
    assert any(isinstance(event, FileFetched) for event in fetch(verify=True)[1])
    assert find_damage(get_generator_entry("ffhq")) == []


def test_a_file_that_was_cut_on_the_disk_is_fetched_anew(shelf: Shelf) -> None:
    fetch()
    path = models_folder() / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_installed(get_generator_entry("ffhq"))
    fetch()
    assert find_damage(get_generator_entry("ffhq")) == []


def test_a_mirror_is_tried_first(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.files.update({f"m/{CONFIG}": shelf.files["c.yaml"], f"m/{WEIGHTS}": shelf.files["m.ckpt"]})
    monkeypatch.setenv("VQANIM_MIRROR", f"{shelf.address}/empty/ {shelf.address}/m/")
    fetch()
    assert [path for path, _ in shelf.asked] == [
        f"empty/{CONFIG}", f"m/{CONFIG}", f"empty/{WEIGHTS}", f"m/{WEIGHTS}"
    ]  # fmt: skip
    remove_model(get_generator_entry("ffhq"))
    shelf.asked.clear()
    monkeypatch.delenv("VQANIM_MIRROR")
    fetch(sources=(f"{shelf.address}/m",))
    assert [path for path, _ in shelf.asked] == [f"m/{CONFIG}", f"m/{WEIGHTS}"]


def test_offline_says_which_file_goes_where(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_OFFLINE", "1")
    with pytest.raises(InputError) as caught:
        fetch()
    message = str(caught.value)
    assert "ffhq is not on this machine, and VQANIM_OFFLINE forbids the network" in message
    assert f"{models_folder() / CONFIG}  from  {shelf.url('gone.yaml')}" in message
    assert f"{models_folder() / WEIGHTS}  from  {shelf.url('m.ckpt')}" in message
    assert shelf.asked == []
    for place, name in ((CONFIG, "c.yaml"), (WEIGHTS, "m.ckpt")):
        (models_folder() / place).parent.mkdir(parents=True, exist_ok=True)
        (models_folder() / place).write_bytes(shelf.files[name])
    entry, events = fetch()
    assert events == []
    assert entry.is_known
    assert load_generator("ffhq").hash == entry.hash


def test_a_wrong_file_that_was_put_there_is_not_pinned(shelf: Shelf) -> None:
    fetch()
    remove_model(get_generator_entry("ffhq"), forget=True)
    for place in (CONFIG, WEIGHTS):
        (models_folder() / place).parent.mkdir(parents=True, exist_ok=True)
        (models_folder() / place).write_bytes(b"<html>no</html>")
    with pytest.raises(InputError, match=r"config\.yaml: this is not the config of ffhq: it is a web page"):
        fetch()
    assert read_pin(CONFIG) is None


def test_who_comes_second_waits(shelf: Shelf) -> None:
    lock = FileLock(cache_folder() / "locks" / "ffhq.lock", thread_local=False)
    lock.lock_file  # noqa: B018
    Path(lock.lock_file).parent.mkdir(parents=True)
    lock.acquire()
    transfer = fetch_model(get_generator_entry("ffhq"), patience=QUICK)
    assert next(transfer) == FetchWaiting("ffhq")
    threading.Timer(0.1, lock.release).start()
    run(transfer)
    assert is_installed(get_generator_entry("ffhq"))


def test_two_at_once_fetch_each_file_once(shelf: Shelf) -> None:
    shelf.moods["m.ckpt"] = ["breaks 100000"]
    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shelf.ranges("m.ckpt") == [None, "bytes=100000-"]
    assert find_damage(get_generator_entry("ffhq")) == []


def test_removing_deletes_all_that_a_model_left(shelf: Shelf) -> None:
    entry, _ = fetch()
    load_generator("ffhq")
    converted = converted_path(entry.files["weights"].sha256)
    assert converted.exists()
    size = sum(path.stat().st_size for path in (*models_folder().rglob("*.*"), converted))
    assert remove_model(entry) == size
    assert not converted.exists()
    assert list(models_folder().iterdir()) == []
    with pytest.raises(UsageError, match="'pocket' comes with an installed package"):
        remove_model(get_generator_entry("pocket"))


@pytest.fixture
def package() -> ModuleType:
    """open_clip, if it is installed."""
    try:
        return open_clip_package()
    except InputError:
        pytest.skip("open_clip is not installed")


NAME = "open_clip:ViT-B-32/laion2b_s34b_b79k"


def test_models_of_open_clip_are_fetched_by_name(
    shelf: Shelf, package: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FORMS["model.safetensors"]({"w": torch.ones(3)}, tmp_path / "w.safetensors")
    place = "open_clip/ViT-B-32/laion2b_s34b_b79k/weights.bin"
    shelf.files[place] = (tmp_path / "w.safetensors").read_bytes()
    monkeypatch.setenv("VQANIM_MIRROR", shelf.address)
    before = get_perceptor_entry(NAME)
    assert not before.is_known
    entry, events = run(fetch_model(before, patience=QUICK))
    assert isinstance(events[-1], FileFetched)
    assert entry.files["weights"].locate() == models_folder() / place
    assert entry.hash == get_perceptor_entry(NAME).hash != before.hash
    assert run(fetch_model(entry, patience=QUICK))[1] == []


def test_weights_in_the_cache_of_the_model_hub_are_used_where_they_lie(
    shelf: Shelf, package: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hub" / "open_clip_model.safetensors"
    path.parent.mkdir()
    FORMS["model.safetensors"]({"w": torch.ones(3)}, path)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: str(path))
    entry, events = run(fetch_model(get_perceptor_entry(NAME), patience=QUICK))
    assert events == []
    assert entry == get_perceptor_entry(NAME)
    assert entry.files["weights"] == LocalFile(
        path, f"run: vqanim models fetch {NAME}", sha256(path.read_bytes()), path.stat().st_size
    )
    remove_model(entry)
    assert path.exists()


def test_a_clip_is_fetched_as_one_file(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FORMS["plain.pth"](tiny_clip("ViT").state_dict(), tmp_path / "clip.pt")
    shelf.files["ViT-B-32/weights.pt"] = (tmp_path / "clip.pt").read_bytes()
    (tmp_path / "mine.yaml").write_text(
        f"perceptors: {{ViT-B/32: {{family: clip, files: {{weights: {{urls: ['{shelf.url('x')}']}}}}}}}}"
    )
    monkeypatch.setenv("VQANIM_MIRROR", shelf.address)
    entry, _ = run(fetch_model(get_perceptor_entry("ViT-B/32"), patience=QUICK))
    assert is_installed(entry)
