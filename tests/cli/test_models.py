"""`vqanim models`, and renders with models that were added or fetched."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.cli.conftest import Run, Start, command, environment
from tests.models.discrete_vaes import half
from tests.models.official import FORMS, taming_vq, tiny_clip, transformer_config, write_config
from tests.models.reference_clip import reference_clip, write_json
from tests.models.server import Shelf, serving
from tests.models.test_clip import save_archive
from vqanim.cli.models import models

SCENE = """\
vqanim: 1
size: [64, 64]
fps: 10
duration: 2f
prompts: [a castle]
guidance: {steps: 1, first_steps: 2, cutouts: 4}
carry: {noise: 0}
"""


@pytest.fixture(autouse=True)
def _place(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of each test's own, and a scene."""
    monkeypatch.setenv("VQANIM_CACHE", str(here / "cache"))
    for name in ("VQANIM_OFFLINE", "VQANIM_MIRROR", "VQANIM_CATALOGUE"):
        monkeypatch.delenv(name, raising=False)
    (here / "s.yaml").write_text(SCENE)


@pytest.fixture
def shelf(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A mirror with the files of a tiny VQGAN under the name `ade20k`, for which no hash was published."""
    model = taming_vq(5)
    FORMS["lightning.ckpt"](
        {f"first_stage_model.{k}": v for k, v in model.state_dict().items()}, here / "m.ckpt"
    )
    config = write_config(here, transformer_config(model))
    with serving() as shelf:
        shelf.files = {
            "ade20k/config.yaml": config.read_bytes(),
            "ade20k/weights.ckpt": (here / "m.ckpt").read_bytes(),
        }
        monkeypatch.setenv("VQANIM_MIRROR", shelf.address)
        yield shelf


def frames(folder: Path) -> list[Path]:
    return sorted((folder / "takes" / "main").glob("*.png"))


@pytest.mark.parametrize("name", ["", *models.commands])
def test_every_command_has_help(run: Run, name: str) -> None:
    result = run("models", *filter(None, [name]), "--help")
    assert result.code == 0
    assert result.out.startswith(f"Usage: vqanim models {name}".rstrip())
    if not name:
        assert all(
            variable in result.out
            for variable in ("VQANIM_CACHE", "VQANIM_MIRROR", "VQANIM_CATALOGUE", "VQANIM_OFFLINE")
        )


def test_a_dvae_gets_a_name(run: Run, here: Path) -> None:
    for part in ("encoder", "decoder"):
        torch.save(half(part), here / f"{part}.pkl")
    added = run("models", "add", "mine", "--encoder", "encoder.pkl", "--decoder", "decoder.pkl")
    assert added.code == 0, added.err
    assert "added mine, a generator: dVAE, f8, 40 codes of 10 channels" in added.out
    assert "multiples of 8 pixels" in added.out
    path = run("models", "path", "mine").out.split()
    assert [Path(line).name for line in path] == ["decoder.safetensors", "encoder.safetensors"]
    bad = run("models", "add", "yours", "--encoder", "gone.pkl", "--decoder", "decoder.pkl")
    assert (bad.code, bad.out) == (3, "")
    assert "gone.pkl: cannot be read" in bad.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["lst"], "did you mean 'list'?"),
        (["zzz"], "there are list, show, fetch, verify, add, path, remove"),
        (["fetch", "imagenet-16348"], "unknown model 'imagenet-16348'; did you mean 'imagenet-16384'?"),
        (["show", "ViT-B-32"], "did you mean 'ViT-B/32'?"),
        (["path", "nothing"], "`vqanim models list` names all"),
        (["fetch", "ffhq", "--from", "/x"], "--from /x: this is no http or https address"),
        (["add", "mine"], "give --checkpoint of a VQGAN, best with its --config, or --perceptor"),
        (["add", "mine", "--config", "c.yaml"], "give --checkpoint of a VQGAN"),
        (
            ["add", "m", "--config", "c", "--checkpoint", "m", "--activation", "gelu"],
            "--activation is about a CLIP; give --perceptor",
        ),
        (["add", "mine", "--perceptor", "c.pt", "--base", "ViT-L/14", "--config", "c"], "leave out --config"),
        (["add", "mine", "--decoder", "decoder.pkl"], "--decoder needs --encoder as well"),
        (["add", "mine", "--encoder", "encoder.pkl"], "--encoder needs --decoder as well"),
        (["add", "m", "--encoder", "e", "--decoder", "d", "--config", "c"], "a dVAE needs none"),
        (["add", "m", "--encoder", "e", "--decoder", "d", "--checkpoint", "c"], "give one kind"),
        (["remove", "pocket"], "'pocket' comes with an installed package"),
    ],
)
def test_wrong_usage_says_what_is_right(run: Run, args: list[str], said: str) -> None:
    result = run("models", *args)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_the_list_names_all(run: Run) -> None:
    lines = [line.split() for line in run("models", "list").out.splitlines() if line]
    rows = {tuple(line[:2]): line for line in lines}
    assert rows["pocket", "generator"][2] == "yes"
    assert rows["imagenet-16384", "generator"][2:6] == ["no", "980.1", "MB", "unclear"]
    assert rows["ViT-L/14@336px", "perceptor"][2] == "no"
    assert rows["openimages", "generator"][5:7] == ["with", "attribution"]


def test_the_list_for_programs(run: Run) -> None:
    entries = json.loads(run("models", "list", "--json").out)
    found = {(entry["name"], entry["kind"]): entry for entry in entries}
    assert len(found) == len(entries) > 20
    pocket = found["pocket", "generator"]
    assert pocket["installed"]
    assert Path(pocket["files"]["weights"]["path"]).exists()
    openimages = found["openimages", "generator"]
    assert (openimages["installed"], openimages["multiple"]) == (False, 8)
    assert openimages["files"]["weights"]["size"] == 376_581_823


def test_what_is_known_is_shown(run: Run) -> None:
    out = run("models", "show", "imagenet-1024").out
    for said in (
        "commercial use  unclear (ImageNet was published for research)",
        "not checked     whether the addresses still answer; hashes and exact sizes",
        "https://heibox.uni-heidelberg.de/d/8088892a516d4e3baf92/",
        "about 958,000,000 bytes",
        "SHA-256  unknown",
        "multiples of 16 pixels",
    ):
        assert said in out


@pytest.mark.parametrize(
    ("kind", "form", "clip"),
    [
        ("plain", "lightning.ckpt", "archive"),
        ("gumbel", "plain.pth", "plain.pth"),
        ("transformer", "legacy.ckpt", "archive"),
        ("plain", "model.safetensors", "model.safetensors"),
    ],
)
def test_models_of_ones_own_render(run: Run, here: Path, kind: str, form: str, clip: str) -> None:
    model = taming_vq(4, gumbel=True) if kind == "gumbel" else taming_vq(5)
    state, config = dict(model.state_dict()), model.config()
    if kind == "transformer":
        state = {f"first_stage_model.{k}": v for k, v in state.items()} | {"transformer.w": torch.ones(1)}
        config = transformer_config(model)
    FORMS[form](state, here / form)
    write_config(here, config)
    network = tiny_clip("RN" if kind == "gumbel" else "ViT")
    save_archive(network, here / "c") if clip == "archive" else FORMS[clip](network.state_dict(), here / "c")
    added = run("models", "add", "mine", "--config", "config.yaml", "--checkpoint", form)
    assert added.code == 0, added.err
    class_, factor = {"plain": ("VQModel", 16), "gumbel": ("GumbelVQ", 8)}.get(
        kind, ("Net2NetTransformer", 16)
    )
    assert f"added mine, a generator: {class_}, f{factor}, 64 codes" in added.out
    assert f"multiples of {factor} pixels" in added.out
    assert "in a scene: models: {generator: mine}" in added.out
    added = run("models", "add", "eye", "--perceptor", "c")
    assert added.code == 0, added.err
    assert "added eye, a perceptor: CLIP " in added.out
    chosen = ["--set", "models.generator=mine", "--set", "models.perceptor=eye"]
    done = run("render", "s.yaml", *chosen)
    assert (done.code, done.err) == (0, "")
    assert len(frames(here / "renders" / "s")) == 2
    assert "nothing to do" in run("render", "s.yaml", *chosen).out
    listed = run("models", "list").out
    assert ["mine", "generator", "own"] in [line.split()[:3] for line in listed.splitlines()]


def test_other_weights_under_the_same_name_are_other_frames(run: Run, here: Path) -> None:
    config = write_config(here, taming_vq(3).config())
    FORMS["plain.pth"](tiny_clip("ViT").state_dict(), here / "c.pt")
    run("models", "add", "mine", "--perceptor", "c.pt")
    for seed in (0, 1):
        FORMS["plain.pth"](taming_vq(3, seed=seed).state_dict(), here / "m.ckpt")
        added = run("models", "add", "mine", "--config", str(config), "--checkpoint", "m.ckpt", "--force")
        assert added.code == 0
        out = run("render", "s.yaml", "--models", "mine").out
        assert ("2 frames of an older scene moved" in out) == (seed == 1)


def test_a_clip_that_does_not_say_enough_is_asked_about(run: Run, here: Path) -> None:
    network = reference_clip()
    FORMS["lightning.ckpt"]({f"module.{k}": v for k, v in network.state_dict().items()}, here / "c.pt")
    asked = run("models", "add", "mine", "--perceptor", "c.pt")
    assert (asked.code, asked.out, len(asked.err.splitlines())) == (2, "", 1)
    assert "c.pt: these weights do not say into how many heads" in asked.err
    assert "--config open_clip_config.json" in asked.err
    assert not (here / "cache").exists()
    write_json(here / "my.json", network.open_clip_config())
    added = run("models", "add", "mine", "--perceptor", "c.pt", "--config", "my.json")
    assert added.code == 0, added.err
    assert "added mine, a perceptor: CLIP ViT (160 wide)/16 with GELU, 2 heads of 80" in added.out
    assert run("render", "s.yaml", "--set", "models.perceptor=mine", "--set", "duration=1f").code == 0


def test_files_that_cannot_be_used_are_refused_with_their_fault(run: Run, here: Path) -> None:
    write_config(here, taming_vq(3).config())
    (here / "page.ckpt").write_text("<html>404</html>")
    result = run("models", "add", "mine", "--config", "config.yaml", "--checkpoint", "page.ckpt")
    assert (result.code, result.out) == (3, "")
    assert "page.ckpt: this checkpoint cannot be used: it is a web page" in result.err
    result = run("models", "add", "mine", "--perceptor", "gone.pt")
    assert (result.code, len(result.err.splitlines())) == (3, 1)
    assert run("models", "path", "mine").code == 2


def test_a_render_fetches_what_it_needs_and_says_its_license_once(run: Run, here: Path, shelf: Shelf) -> None:
    args = ("render", "s.yaml", "--set", "models.generator=ade20k", "--set", "guidance.steps=0")
    done = run(*args)
    assert done.code == 0, done.err
    assert (
        done.out.count("license: code MIT, weights without terms, data ADE20K; commercial use: unclear") == 1
    )
    assert "nobody published its SHA-256; that of this file holds from now on" in done.out
    assert len(frames(here / "renders" / "s")) == 2
    shelf.asked.clear()
    again = run(*args)
    assert "nothing to do" in again.out
    assert "license" not in again.out
    assert run("models", "remove", "ade20k").code == 0
    assert "nothing to do" in run(*args).out, "a finished film needs no models"
    assert shelf.asked == []


def test_neither_check_nor_help_fetches(here: Path, shelf: Shelf, root: Path) -> None:
    for args in (
        ["check", "s.yaml", "--set", "models.generator=ade20k"],
        ["render", "--help"],
        ["models", "list"],
    ):
        done = subprocess.run(command(*args), cwd=here, env=environment(root), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert shelf.asked == []
    assert not (here / "cache").exists()


def test_offline_says_which_file_goes_where(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_OFFLINE", "1")
    for args in (["models", "fetch", "ffhq"], ["render", "s.yaml", "--set", "models.generator=ffhq"]):
        result = run(*args)
        assert result.code == 3
        assert "ffhq is not on this machine, and VQANIM_OFFLINE forbids the network" in result.err
        assert f"{here / 'cache' / 'models' / 'ffhq' / 'weights.ckpt'}  from  https://" in result.err
    assert run("check", "s.yaml", "--set", "models.generator=ffhq").code == 0


def test_a_model_is_fetched_verified_named_and_removed(run: Run, here: Path, shelf: Shelf) -> None:
    shelf.moods["ade20k/weights.ckpt"] = ["breaks 100000"]
    result = run("models", "fetch", "ade20k")
    assert result.code == 0, result.err
    assert "fetching ade20k (generator, 3.88 GB)" in result.out
    assert "ade20k is here, whole" in result.out
    assert "the connection broke off after 100,000 of" in result.err
    assert "trying again in 1 s" in result.err
    assert shelf.ranges("ade20k/weights.ckpt") == [None, "bytes=100000-"]
    folder = here / "cache" / "models" / "ade20k"
    assert run("models", "path", "ade20k").out.split() == [
        str(folder / "config.yaml"),
        str(folder / "weights.ckpt"),
    ]
    assert "ade20k (generator): whole" in run("models", "verify").out
    weights = folder / "weights.ckpt"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    result = run("models", "verify", "ade20k")
    assert result.code == 3
    assert f"{weights}: damaged or changed" in result.err
    assert run("models", "fetch", "ade20k", "--quiet").out == ""
    assert run("models", "verify", "ade20k").code == 0
    assert "removed ade20k (generator): " in run("models", "remove", "ade20k").out
    assert run("models", "path", "ade20k").code == 3
    assert run("models", "verify", "ade20k").code == 3


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("page", "it is a web page instead of the file"),
        ("claims -100", "it is cut short"),
        ("404", "the server answers 404 Not Found"),
    ],
)
def test_a_server_that_gives_something_else_is_one_clear_message(
    run: Run, here: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, mood: str, words: str
) -> None:
    catalogue = (
        "generators: {mine: {family: vqgan, multiple: 16, files: {config: {urls: [URL/ade20k/config.yaml]}, "
        "weights: {urls: [URL/ade20k/weights.ckpt]}}}}"
    )
    (here / "mine.yaml").write_text(catalogue.replace("URL", shelf.address))
    monkeypatch.setenv("VQANIM_CATALOGUE", "mine.yaml")
    monkeypatch.delenv("VQANIM_MIRROR")
    shelf.moods["ade20k/weights.ckpt"] = [mood]
    result = run("render", "s.yaml", "--set", "models.generator=mine")
    assert result.code == 3
    (error,) = [line for line in result.err.splitlines() if line.startswith("Error: ")]
    where = f"{shelf.address}/ade20k/weights.ckpt"
    assert error.startswith(f"Error: mine: its weights could not be fetched: {words} ({where}). Get the file")
    assert result.err.count(words) == 1
    assert str(here / "cache" / "models" / "mine" / "weights.ckpt") in error
    assert [path.name for path in (here / "cache" / "models" / "mine").iterdir()] == ["config.yaml"]


def test_a_fetch_that_is_stopped_goes_on_where_it_was(here: Path, shelf: Shelf, start: Start) -> None:
    shelf.moods["ade20k/weights.ckpt"] = ["breaks 100000", "503", "503", "503"]
    first = start("models", "fetch", "ade20k")
    part = here / "cache" / "models" / "ade20k" / ".weights.ckpt.part"
    while not (part.exists() and part.stat().st_size == 100_000):
        assert first.poll() is None
        time.sleep(0.01)
    first.terminate()
    _, err = first.communicate()
    assert first.returncode == 143
    assert "stopped; to continue: vqanim models fetch" in err
    shelf.moods.clear()
    shelf.asked.clear()
    second = start("models", "fetch", "ade20k")
    out, _ = second.communicate()
    assert second.returncode == 0
    assert "is here, whole" in out
    assert shelf.ranges("ade20k/weights.ckpt") == ["bytes=100000-"]


def test_a_cache_that_cannot_be_written_is_exit_5(run: Run, here: Path, shelf: Shelf) -> None:
    (here / "cache").write_text("a file")
    result = run("models", "fetch", "ade20k")
    assert result.code == 5
    assert "a part of this path is a file" in result.err or "a file is where a folder should be" in result.err


def test_a_damaged_card_does_not_hide_the_other_models(run: Run, here: Path) -> None:
    folder = here / "cache" / "own" / "perceptor" / "mine"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text("{")
    result = run("models", "list")
    assert result.code == 0
    assert "pocket" in result.out
    assert "model.yaml: this catalogue is no YAML" in result.err
    assert run("check", "s.yaml", "--models", "mine").code == 2
    assert run("models", "remove", "mine").out == "removed mine (perceptor): 0 B\n"
    assert run("models", "list").err == ""
