"""What is recognized, what becomes of every key, and what is refused with which words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st

import vqanim
from tests.sounds import RATE, tone
from vqanim.api.create import checked
from vqanim.errors import UsageError
from vqanim.importers import (
    TOOLS,
    Importer,
    deforum,
    disco,
    import_settings,
    importer_of,
    parseq,
    pytti,
    vqgan_clip,
    vqgan_notebook,
)
from vqanim.importers.draft import Draft
from vqanim.scene.curves import Keyframes
from vqanim.scene.model import Scene

IMPORTERS: tuple[Importer, ...] = (deforum, vqgan_clip, pytti, disco, parseq, vqgan_notebook)
"""Here mypy sees that the modules are what the protocol says."""
SAMPLES = Path(__file__).parent / "samples"


def draft_of(name: str, folder: Path, source: str | None = None) -> Draft:
    return import_settings(str(SAMPLES / name), folder, source)


def scene_of(draft: Draft, folder: Path) -> Scene:
    """The scene that a draft becomes; it passes `vqanim check`."""
    text = checked(draft, folder / "scene.yaml")
    (folder / "scene.yaml").write_text(text)
    return vqanim.prepare(folder / "scene.yaml").scene


def from_settings(folder: Path, **given: Any) -> Scene:
    path = folder / "settings.json"
    path.write_text(json.dumps({"animation_mode": "2D", "max_frames": 60, "fps": 10, **given}))
    return scene_of(import_settings(str(path), folder), folder)


@pytest.mark.parametrize("path", sorted(SAMPLES.iterdir()), ids=lambda path: str(path.name))
def test_every_sample_becomes_a_scene_in_which_every_key_has_a_fate(path: Path, tmp_path: Path) -> None:
    draft = import_settings(str(path), tmp_path)
    scene_of(draft, tmp_path)
    assert not draft.dropped
    if path.name.startswith("webui"):
        assert set(json.loads(path.read_text())) <= draft.known
    elif path.suffix == ".yaml":
        assert set(re.findall(r"^(\w+):", path.read_text(), re.MULTILINE)) <= draft.known
    text = (tmp_path / "scene.yaml").read_text()
    for note in draft.notes:
        if note.fate != "taken":
            assert note.message
            assert all(key.split()[0] in text for key in note.keys)
    assert str(tmp_path) not in text
    assert str(SAMPLES) not in text


def test_deforum_of_the_web_ui(tmp_path: Path) -> None:
    scene = scene_of(draft_of("webui_settings.txt", tmp_path), tmp_path)
    (shot,) = scene.shots
    assert (scene.size.width, scene.size.height, scene.fps, scene.seed) == (512, 512, 15, 3141592)
    assert (str(scene.duration), float(scene.painted_rate or 0)) == ("8s", 7.5)
    texts = [prompt.text for prompt in shot.prompts]
    assert texts[0] == "masterpiece, a lighthouse on a cliff, storm clouds, oil painting"
    assert "a jellyfish" in texts
    assert "masterpiece, deep sea" in texts
    assert shot.camera.border == "edge"


def test_deforum_of_a_notebook_cell(tmp_path: Path) -> None:
    scene = scene_of(draft_of("notebook_cell.py.txt", tmp_path), tmp_path)
    weights = {prompt.text: prompt.weight.text for prompt in scene.shots[0].prompts}
    assert set(weights) == {
        "a beautiful apple, trending on Artstation",
        "a beautiful banana",
        "pineapple",
    }
    assert "-1" in weights["pineapple"]
    assert scene.shots[0].camera.border == "wrap"


def test_a_whole_notebook_is_read_too(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Deforum"]},
        {"cell_type": "code", "source": ["import os\n", "this is no python at all ("]},
        {"cell_type": "code", "source": (SAMPLES / "notebook_cell.py.txt").read_text().splitlines(True)},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}))
    draft = import_settings(str(tmp_path / "a.ipynb"), tmp_path)
    assert scene_of(draft, tmp_path).seed == 7


def test_prompts_of_the_mode_interpolation_fade(tmp_path: Path) -> None:
    scene = from_settings(
        tmp_path, animation_mode="Interpolation", prompts={"0": "a", "20": "b", "40": "c"}, max_frames=60
    )
    weights = {prompt.text: prompt.weight.text for prompt in scene.shots[0].prompts}
    assert weights["b"].replace('"', "") == "{0s: 0, 2s: 1, 4s: 0}"


def test_a_list_of_prompts_for_single_pictures_follows_one_another(tmp_path: Path) -> None:
    scene = from_settings(tmp_path, animation_mode="None", prompts=["a", "b", "c"], W="64", H=48.0)
    weights = {prompt.text: prompt.weight.text for prompt in scene.shots[0].prompts}
    assert weights == {"a": "{0s: 1, 2s: 0}", "b": "{0s: 0, 2s: 1, 4s: 0}", "c": "{0s: 0, 4s: 1}"}
    assert (scene.size.width, scene.size.height) == (64, 48)


def test_a_weight_of_a_prompt_may_be_a_formula(tmp_path: Path) -> None:
    scene = from_settings(tmp_path, prompts={"0": "a cat :`sin(t/max_f)` AND a dog :2 --neg rain"})
    weights = {prompt.text: prompt.weight.text for prompt in scene.shots[0].prompts}
    assert weights == {"a cat": "sin(t * 10 / 59)", "a dog": "2", "rain": "-0.5"}


def test_files_that_are_there_are_named_and_others_are_explained(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "first.png")
    (tmp_path / "broken.png").write_text("no picture")
    scene = from_settings(tmp_path, use_init=True, init_image="first.png", prompts={"0": "a"})
    assert Path(str(scene.shots[0].start.image)).name == "first.png"
    for name, why in (
        ("missing.png", "there is no such file"),
        ("https://example.org/x.png", "an address"),
        (str(SAMPLES / "pytti.yaml"), "lies outside the scene's folder"),
        ("broken.png", "is no readable picture"),
    ):
        scene = from_settings(tmp_path, use_init=True, init_image=name, prompts={"0": "a"})
        assert scene.shots[0].start.image is None
        assert why in re.sub(r"\n#\s+", " ", (tmp_path / "scene.yaml").read_text())


def test_what_goes_beyond_a_limit_is_kept_there_and_told(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    given = {"zoom": "0:(1.02), 10:(-1)", "angle": "0:(1/(t-3))", "translation_x": "0:(1e300)"}
    path.write_text(json.dumps({"max_frames": 30, "prompts": {"0": "a :1e9"}, **given}))
    draft = import_settings(str(path), tmp_path)
    camera = scene_of(draft, tmp_path).shots[0].camera
    assert not draft.dropped
    assert not [note for note in draft.notes if note.fate == "left"]
    told = {key: "".join(n.message for n in draft.notes if key in n.keys) for key in given}
    assert "frames 6 to 29" in told["zoom"]
    assert "no value at frame 3" in told["angle"]
    assert "at frames 0 to 29: camera.pan.x is kept within -500 to 500" in told["translation_x"]
    assert camera.pan.x.constant_value == -500
    assert isinstance(camera.zoom, Keyframes)
    assert camera.zoom.keys[0].value == pytest.approx(1.02**15)
    assert camera.rotate.constant_value is None


def test_a_command_of_vqgan_clip(tmp_path: Path) -> None:
    scene = scene_of(draft_of("generate.sh", tmp_path), tmp_path)
    (shot,) = scene.shots
    assert (scene.size.width, scene.size.height, scene.fps, scene.seed) == (512, 384, 10, 42)
    assert scene.models.generator == "wikiart-16384"
    assert [use.name for use in scene.models.perceptors] == ["ViT-B/16"]
    fog = next(prompt for prompt in shot.prompts if prompt.text == "fog")
    assert fog.stop.constant_value == 0.9
    assert fog.weight.text.startswith("{0s: -0.5")
    assert (shot.guidance.steps.constant_value, shot.guidance.first_steps) == (10, 10)


@pytest.mark.parametrize(
    "command",
    [
        'python generate.py -p "a castle:1 | fog:-0.5" -i 80 -s 128 96',
        "python3 ./VQGAN-CLIP/generate.py --prompts='a castle:1 | fog:-0.5' --iterations 80 --size 128 96",
        '--prompts "a castle:1 | fog:-0.5" --iter 80 -s 128 96',
        '-p "a castle:1 | fog:-0.5" -i 80 \\\n  -s 128 96',
    ],
)
def test_a_command_without_a_film_becomes_a_timelapse(command: str, tmp_path: Path) -> None:
    draft = import_settings(command, tmp_path)
    scene = scene_of(draft, tmp_path)
    (shot,) = scene.shots
    assert (shot.kind, shot.pace) == ("timelapse", "linear")
    assert (shot.guidance.first_steps, shot.guidance.steps.constant_value) == (80, 0)
    assert [prompt.text for prompt in shot.prompts] == ["a castle", "fog"]
    assert "--steps 80 --size 128x96" in draft.hint


def test_an_interpolated_film_of_vqgan_clip(tmp_path: Path) -> None:
    draft = import_settings("generate.py -p a -zvid -i 300 -zse 10 -ofps 30 -ifps 15 -zs 100", tmp_path)
    scene = scene_of(draft, tmp_path)
    assert (scene.fps, scene.painted_rate, scene.output.smooth) == (30, 15, "minterpolate")
    zoom = scene.shots[0].camera.zoom
    assert isinstance(zoom, Keyframes)
    assert [(key.time.text, key.easing) for key in zoom.keys] == [("0s", "linear"), ("0.666666667s", "step")]
    assert zoom.keys[1].value == pytest.approx(0.99**15)
    assert scene.shots[0].camera.border == "#000000"  # it flies out, and black comes in there too


def test_a_configuration_of_pytti(tmp_path: Path) -> None:
    scene = scene_of(draft_of("pytti.yaml", tmp_path), tmp_path)
    (shot,) = scene.shots
    prompts = {prompt.text: prompt for prompt in shot.prompts}
    assert prompts["galactic nebula"].weight.text == "{0s: 0.7, 2.5s: 0.7, 3.333333333s: 0}"
    assert prompts["text"].stop.constant_value == 0.95
    assert [use.name for use in scene.models.perceptors] == ["ViT-B/32", "ViT-B/16"]
    assert (shot.guidance.first_steps, shot.guidance.steps.constant_value) == (100, 10)


def test_pytti_listens_to_its_song(tmp_path: Path) -> None:
    text = (
        "scenes: 'flowers:10*fLo | rain || [flower.png]:fHi*2'\nsteps_per_scene: 200\nsteps_per_frame: 10\n"
        "animation_mode: 2D\ntranslate_x: 5*fHi\ninput_audio: song.wav\ninput_audio_offset: 0.5\n"
        "input_audio_filters:\n- {variable_name: fLo, f_center: 105, f_width: 65, order: 5}\n"
        "- {variable_name: fHi, f_center: 900, f_width: 600, order: 5}\n"
    )
    (tmp_path / "p.yaml").write_text(text)
    draft = import_settings(str(tmp_path / "p.yaml"), tmp_path)
    (shot,) = scene_of(draft, tmp_path).shots
    assert shot.prompts[0].weight.constant_value is None  # on in the first scene alone, at its weight of 1
    assert "there is no such file" in (tmp_path / "scene.yaml").read_text()
    soundfile.write(tmp_path / "song.wav", tone(100.0, 4.0), RATE)
    draft = import_settings(str(tmp_path / "p.yaml"), tmp_path)
    scene = scene_of(draft, tmp_path)
    assert scene.soundtrack is not None
    assert scene.soundtrack.start == 0.5
    assert draft.fields["signals"].yaml == "{fLo: {band: [72.5, 137.5]}, fHi: {band: [600, 1200]}}"
    assert "10 * fLo" in scene.shots[0].prompts[0].weight.text
    assert "fHi" in scene.shots[0].camera.pan.x.text


def test_a_text_with_another_weight_in_each_scene_of_pytti_keeps_both(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "scenes: a:2 || a:3\nsteps_per_scene: 100\nsteps_per_frame: 10\n"
        "pre_animation_steps: 10\nanimation_mode: 2D\n"
    )
    (shot,) = scene_of(import_settings(str(tmp_path / "p.yaml"), tmp_path), tmp_path).shots
    assert [(prompt.text, prompt.weight.text) for prompt in shot.prompts] == [
        ("a", "{0s: 2, 0.75s: 0}"),
        ("a", "{0s: 0, 0.75s: 3}"),
    ]


def test_a_move_of_pytti_beyond_all_bounds_is_kept_there_and_an_odd_seed_left_out(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "scenes: a\nsteps_per_scene: 60\nsteps_per_frame: 10\nanimation_mode: 2D\nframes_per_second: 240\n"
        "width: 360\nzoom_x_2d: 359\nzoom_y_2d: 111\nseed: --5\n"
    )
    draft = import_settings(str(tmp_path / "p.yaml"), tmp_path)
    assert scene_of(draft, tmp_path).shots[0].camera.zoom.constant_value == 1000
    assert any("at frames 0 to" in note.message for note in draft.notes if "zoom_x_2d" in note.keys)
    assert {note.fate for note in draft.notes if "seed" in note.keys} == {"close"}


def test_pytti_without_animation_is_a_timelapse(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("scenes: a || b\nsteps_per_scene: 100\nsave_every: 10\nanimation_mode: off\n")
    (shot,) = scene_of(import_settings(str(path), tmp_path), tmp_path).shots
    assert shot.kind == "timelapse"
    weight = shot.prompts[1].weight
    assert isinstance(weight, Keyframes)
    assert [(key.time.text, key.value, key.easing) for key in weight.keys][1] == ("0.75s", 1, "step")


BAD = {
    "empty": ("", "is empty"),
    "blank": ("  \n\t\n", "is empty"),
    "truncated": ('{"W": 512,\n "max_frames": 12', ":2:18: this is no whole JSON: it ends in the middle"),
    "comma": ('{"W": 512,\n "H": 512,,}', ":2:11: this is no whole JSON"),
    "list": ("[1, 2, 3]", "not recognized"),
    "prose": ("Dear diary, today I painted.", "not recognized"),
    "comfy": ('{"last_node_id": 9, "nodes": []}', "it looks like a workflow of ComfyUI"),
    "scene": ("vqanim: 1\nduration: 2s\n", "is a scene of vqanim already"),
    "parseq": ('{"rendered_frames": []}', "a manifest of Parseq without rendered_frames"),
    "behind": ('{"scenes": "a", "steps_per_scene": 5}\n\nx = 3\n', ":3:1: this is no whole JSON: extra data"),
    "binary": ("\x89PNG\0\0", "is no text"),
    "deep": ("[" * 100_000, "nested too deeply"),
    "alias": ("scenes: &a [x]\nsteps_per_scene: *a\n", "anchors are not allowed"),
    "tag": ("scenes: !!python/object/apply:os.system [ls]\n", "tags are not allowed"),
    "tab": ("scenes: a\n\tsteps_per_scene: 3\n", "tab"),
    "quote": ("python generate.py -p 'a castle\n", "a quote that is not closed"),
    "option": (
        "python generate.py --depth 3\n",
        "no command of VQGAN-CLIP: unrecognized arguments",
    ),
    "number": ("python generate.py -i many\n", "no command of VQGAN-CLIP"),
    "frames": (
        '{"animation_mode": "2D", "max_frames": 1e9}',
        "max_frames: found 1000000000, allowed are 1 to 99999",
    ),
    "python": ("animation_mode = '2D'\nzoom = (\n", "cannot be read"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_settings_is_refused_in_clear_words(kind: str, tmp_path: Path) -> None:
    text, said = BAD[kind]
    path = tmp_path / "given.txt"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError) as caught:
        import_settings(str(path), tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_large_file_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "large.txt").write_bytes(b"{" + b" " * 16_000_000)
    with pytest.raises(UsageError, match="larger than 16 MB"):
        import_settings(str(tmp_path / "large.txt"), tmp_path)
    with pytest.raises(UsageError, match="no such file; give a settings file, or a command in quotes"):
        import_settings("nothing.txt", tmp_path)
    with pytest.raises(UsageError, match="not a file"):
        import_settings(str(tmp_path), tmp_path)


def test_a_tool_may_be_named_where_little_is_given(tmp_path: Path) -> None:
    path = tmp_path / "little.json"
    path.write_text('{"prompts": {"0": "a lake"}, "zoom": "0:(1.1)"}')
    with pytest.raises(UsageError, match="--from deforum"):
        import_settings(str(path), tmp_path)
    scene = scene_of(import_settings(str(path), tmp_path, "deforum"), tmp_path)
    assert scene.shots[0].prompts[0].text == "a lake"
    with pytest.raises(UsageError):
        import_settings(str(path), tmp_path, "pytti")


TEXT = st.lists(st.sampled_from("0123t:(),`'\"|- a\n\\#{}[]<é\u2028"), max_size=20).map("".join)
WORDS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(),
    TEXT,
    st.lists(st.integers(), max_size=3),
    st.dictionaries(TEXT, TEXT, max_size=3),
    st.sampled_from(
        ("0:(1.02)", "0:(t), 5:(2)", "0:(sin(t", "None", "true", "-1", "0:(1e400)", "0:(t**t**t)")
    ),
)
KEYS = (
    "W H fps seed animation_mode border angle zoom translation_x translation_z rotation_3d_y fov_schedule "
    "strength_schedule noise_schedule amount_schedule diffusion_cadence use_init init_image color_coherence "
    "enable_perspective_flip perspective_flip_phi animation_prompts_negative transform_center_x prompts "
    "prompt_weighting"
).split()


@example(given={"zoom": {}}, mode="2D")
@settings(max_examples=60, deadline=None)
@given(
    given=st.dictionaries(st.sampled_from(KEYS), WORDS, max_size=8), mode=st.sampled_from(("2D", "3D", "x"))
)
def test_whatever_stands_in_settings_a_scene_comes_of_it_or_clear_words(
    given: dict[str, Any], mode: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "any.json").write_text(json.dumps({"max_frames": 10, "animation_mode": mode, **given}))
    try:
        draft = import_settings(str(folder / "any.json"), folder)
        scene_of(draft, folder)
    except UsageError:
        return
    assert set(given) <= draft.known


def test_every_tool_has_an_importer() -> None:
    assert tuple(importer_of(tool) for tool in TOOLS) == IMPORTERS
    assert all(importer.READS for importer in IMPORTERS)
