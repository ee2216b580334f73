from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
import torch

from tests.models.official import FORMS, taming_vq, tiny_clip, transformer_config, write_config
from vqanim.cache import cache_folder
from vqanim.errors import InputError, OutputError, UsageError
from vqanim.models.adding import add_generator, add_perceptor, adding
from vqanim.models.catalogue import CARD, get_generator_entry, get_perceptor_entry, list_models, own_folder
from vqanim.models.entries import UnknownModel
from vqanim.models.fetch import find_damage, is_installed, remove_model
from vqanim.models.load import load_generator, load_perceptor
from vqanim.models.own import restore


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))


def left() -> list[str]:
    """What lies among the user's own models."""
    return sorted(path.name for path in (cache_folder() / "own").rglob("*"))


@pytest.mark.parametrize(
    ("kind", "form"),
    [*(("plain", form) for form in FORMS), ("gumbel", "legacy.ckpt"), ("transformer", "lightning.ckpt")],
)
def test_a_vqgan_of_every_kind_and_form_gets_a_name(kind: str, form: str, tmp_path: Path) -> None:
    model = taming_vq(3, gumbel=kind == "gumbel")
    state, config = dict(model.state_dict()), model.config()
    if kind == "transformer":
        state = {f"first_stage_model.{k}": v for k, v in state.items()} | {"transformer.w": torch.ones(1)}
        config = transformer_config(model)
    FORMS[form](state, tmp_path / form)
    entry = add_generator("lab/mine", write_config(tmp_path, config), tmp_path / form)
    assert entry == get_generator_entry("lab/mine")
    assert entry.own
    assert is_installed(entry)
    (tmp_path / form).unlink()  # the originals are not needed any more
    (tmp_path / "config.yaml").unlink()
    generator = load_generator("lab/mine")
    assert (generator.name, generator.hash, generator.multiple) == ("lab/mine", entry.hash, 4)
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    expected = model.before_codes(image * 2 - 1)
    low, high = (model.quantize.embed if kind == "gumbel" else model.quantize.embedding).weight.aminmax(dim=0)
    if kind != "gumbel":
        expected = expected.clamp(low.view(1, -1, 1, 1), high.view(1, -1, 1, 1))
        torch.testing.assert_close(generator.carry(image)["z"], expected, atol=1e-4, rtol=0)
    assert not (cache_folder() / "converted").exists()


@pytest.mark.parametrize(("kind", "form"), [("ViT", "plain.pth"), ("RN", "model.safetensors")])
def test_a_clip_of_every_kind_and_form_gets_a_name(kind: str, form: str, tmp_path: Path) -> None:
    FORMS[form](tiny_clip(kind).state_dict(), tmp_path / form)
    entry = add_perceptor("mine", tmp_path / form)
    assert entry == get_perceptor_entry("mine")
    assert (entry.kind, entry.family, get_perceptor_entry("mine").cutouts) == ("perceptor", "clip", 32)
    (tmp_path / form).unlink()
    assert load_perceptor("mine").hash == entry.hash


def test_one_name_may_stand_for_both_kinds(tmp_path: Path) -> None:
    FORMS["plain.pth"](taming_vq(2).state_dict(), tmp_path / "m.ckpt")
    FORMS["plain.pth"](tiny_clip("ViT").state_dict(), tmp_path / "c.pt")
    add_generator("mine", write_config(tmp_path, taming_vq(2).config()), tmp_path / "m.ckpt")
    add_perceptor("mine", tmp_path / "c.pt")
    assert [name for name in list_models() if name[1] == "mine"] == [
        ("generator", "mine"),
        ("perceptor", "mine"),
    ]


def test_names_that_are_taken_are_refused_unless_forced(tmp_path: Path) -> None:
    config = write_config(tmp_path, taming_vq(2).config())
    for seed in (0, 1):
        FORMS["plain.pth"](taming_vq(2, seed=seed).state_dict(), tmp_path / f"{seed}.ckpt")
    first = add_generator("mine", config, tmp_path / "0.ckpt")
    with pytest.raises(UsageError, match="'mine' is the name of a generator you added before; .* --force"):
        add_generator("mine", config, tmp_path / "1.ckpt")
    with pytest.raises(UsageError, match="'imagenet-16384' is the name of a generator of the catalogue"):
        add_generator("imagenet-16384", config, tmp_path / "1.ckpt")
    assert get_generator_entry("mine") == first
    second = add_generator("mine", config, tmp_path / "1.ckpt", force=True)
    assert second.hash != first.hash, "frames of other weights do not hold"
    add_generator("imagenet-16384", config, tmp_path / "1.ckpt", force=True)
    assert get_generator_entry("imagenet-16384").own
    assert remove_model(get_generator_entry("imagenet-16384")) > 0
    assert not get_generator_entry("imagenet-16384").own


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a b", "-x", "open_clip:a/b", "x" * 65, "ä", "a\n"])
def test_impossible_names_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be a model's name"):
        add_perceptor(name, tmp_path / "c.pt")


def test_files_that_cannot_be_used_leave_nothing(tmp_path: Path) -> None:
    config = write_config(tmp_path, taming_vq(2).config())
    FORMS["plain.pth"](taming_vq(3).state_dict(), tmp_path / "m.ckpt")
    with pytest.raises(InputError, match="does not fit the network: missing"):
        add_generator("mine", config, tmp_path / "m.ckpt")
    with pytest.raises(InputError, match=r"gone\.pt: cannot be read"):
        add_perceptor("mine", tmp_path / "gone.pt")
    assert not cache_folder().exists()


def test_a_disk_that_refuses_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FORMS["plain.pth"](tiny_clip("ViT").state_dict(), tmp_path / "c.pt")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vqanim.models.weights.save_file", refuse)
    with pytest.raises(OutputError, match=r"No space left on device\); free some space"):
        add_perceptor("mine", tmp_path / "c.pt")
    assert left() == ["perceptor"]
    with pytest.raises(UnknownModel):
        get_perceptor_entry("mine")


def test_a_damaged_copy_is_found(tmp_path: Path) -> None:
    FORMS["plain.pth"](tiny_clip("ViT").state_dict(), tmp_path / "c.pt")
    entry = add_perceptor("mine", tmp_path / "c.pt")
    assert find_damage(entry) == []
    path = entry.files["weights"].locate()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert "damaged or changed" in find_damage(entry)[0]
    with pytest.raises(
        InputError, match="damaged or changed: .* add it again: vqanim models add mine --force"
    ):
        load_perceptor("mine")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("path: weights.safetensors", "path: ../../x.safetensors"),
        ("path: weights.safetensors", "path: /etc/passwd"),
        ("ab" * 32, "zz"),
        ("size: 3", "size: '3'"),
        ("  mine:", "  mine:\n    stray: 1"),
        ("family: clip", "family: x"),
        ("perceptors:", "perceptors: ["),
    ],
)
def test_a_damaged_card_is_named(old: str, new: str) -> None:
    with adding("perceptor", "mine", {"family": "clip", "good_at": "found"}) as folder:
        (folder / "weights.safetensors").write_bytes(b"abc")
    assert get_perceptor_entry("mine").own
    path = own_folder("perceptor", "mine") / CARD
    card = path.read_text().replace(hashlib.sha256(b"abc").hexdigest(), "ab" * 32)
    assert old in card
    path.write_text(card.replace(old, new))
    with pytest.raises(InputError, match=r"model\.yaml: .*; run: vqanim models remove mine, and add"):
        get_perceptor_entry("mine")


def test_a_damaged_card_is_replaced(tmp_path: Path) -> None:
    own_folder("perceptor", "mine").mkdir(parents=True)
    (own_folder("perceptor", "mine") / CARD).write_text("{")
    FORMS["plain.pth"](tiny_clip("ViT").state_dict(), tmp_path / "c.pt")
    add_perceptor("mine", tmp_path / "c.pt")
    assert get_perceptor_entry("mine").own


def test_removing_leaves_the_users_files(tmp_path: Path) -> None:
    FORMS["plain.pth"](tiny_clip("ViT").state_dict(), tmp_path / "c.pt")
    entry = add_perceptor("mine", tmp_path / "c.pt")
    assert remove_model(entry) == entry.size
    assert (tmp_path / "c.pt").exists()
    assert left() == ["perceptor"]


def weights_of(name: str) -> bytes:
    return (own_folder("perceptor", name) / "weights.safetensors").read_bytes()


def add(content: bytes) -> None:
    with adding("perceptor", "my/own", {"family": "clip", "good_at": "found"}) as folder:
        (folder / "weights.safetensors").write_bytes(content)


@pytest.mark.parametrize("stopped", [OSError(5, "input/output error"), KeyboardInterrupt()])
@pytest.mark.parametrize("at", [1, 2])
def test_a_stop_at_any_rename_keeps_the_model_before(
    monkeypatch: pytest.MonkeyPatch, stopped: BaseException, at: int
) -> None:
    """A KeyboardInterrupt stands for a kill: nothing puts in order what it left."""
    add(b"before")
    rename, count = Path.rename, 0

    def failing(path: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == at:
            raise stopped
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", failing)
        with pytest.raises((OutputError, KeyboardInterrupt)):
            add(b"after")
    restore(own_folder("perceptor", "my/own"), after=0.0)
    assert get_perceptor_entry("my/own").own
    assert weights_of("my/own") == b"before"
    add(b"after")
    assert weights_of("my/own") == b"after"
    assert [name for name in left() if name.startswith(".")] == []


def test_what_killed_processes_left_is_swept_away() -> None:
    add(b"mine")
    folder = own_folder("perceptor", "my/own")
    for name in (".0123abcd.new", ".0123abcd.old", ".0123abcd.removed", f".{folder.name}.0123abcd.old"):
        shutil.copytree(folder, folder.with_name(name))
    shutil.copytree(folder, folder.with_name(".other.0123abcd.old"))
    add(b"again")
    assert weights_of("my/own") == b"again"
    assert [name for name in left() if name.startswith(".")] == []
    assert weights_of("other") == b"mine", "killed while it was replaced"
