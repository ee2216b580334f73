"""Cells of notebooks as data: form fields, dictionaries of prompts, and whatever else stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.importers.importing import imported, notebook, told, weights
from vqanim.importers import vqgan_clip
from vqanim.importers.notebooks import cells_of, read_notebook, read_script

FIELDS = (
    'texts = "a castle:1 | fog:-0.5" #@param {type:"string"}\nwidth = 320 #@param\nheight = 192 #@param\n'
)


def test_form_fields_count_before_what_the_program_sets_later() -> None:
    found = read_notebook(
        ["width = 400 #@param\n", "width = 64\nzoom = '1.1'\n", "def f():\n    zoom = '9'\n"]
    )
    assert found.values == {"width": 400, "zoom": "1.1"}
    assert found.fields == {"width"}


def test_lines_for_the_shell_and_cells_that_are_no_python_hide_nothing() -> None:
    found = read_notebook(
        [
            "%cd /content\nif True:\n  !pip install x\nwidth = 400 #@param {type: 'number'}\n",
            "this is no python (\nheight = 300 #@param\n  steps = [1, 2] # @param\n",
            "a, b = 1, 2\nseed: int = 7 #@param\n",
        ]
    )
    assert found.values == {"width": 400, "height": 300, "steps": [1, 2], "seed": 7}


def test_names_stand_for_their_values_and_nothing_is_run(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    found = read_notebook(
        [
            f"seed = open({str(trap)!r}, 'w') #@param\n",
            "wide = 640\nwidth_height = [wide, 360] #@param\nsteps = __import__('os').getpid() #@param\n",
        ]
    )
    assert found.values["width_height"] == [640, 360]
    assert set(found.computed) == {"seed", "steps"}
    assert not trap.exists()


def test_a_script_that_cannot_be_read_names_its_line() -> None:
    with pytest.raises(Exception, match="a.py:2"):
        read_script("a = 1\nb = (\n", "a.py")


def test_cells_of_old_notebooks_are_read_too() -> None:
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["width = 3"]}]}], "nbformat": 3}
    assert list(cells_of(old)) == ["width = 3"]
    assert list(cells_of({"cells": [None, 3, {"cell_type": "code", "source": 7}]})) == ["7"]


def test_a_field_that_the_notebook_computes_is_told(tmp_path: Path) -> None:
    draft, _ = imported(tmp_path, notebook(FIELDS, "seed = random_seed #@param\n"))
    assert told(draft, "seed") == {"left"}


SPANISH = (
    'textos = "un castillo|niebla:-0.5" #@param\nancho = 320 #@param\nalto = 192 #@param\n'
    'modelo = "wikiart_16384" #@param\nimagen_inicial = None #@param\nsemilla = 5 #@param\n'
    "max_iteraciones = 120 #@param\nintervalo_imagenes = 50 #@param\n"
)


def test_the_first_notebook_of_vqgan_and_clip_becomes_a_timelapse(tmp_path: Path) -> None:
    more = 'model = "sflckr" #@param\nmax_iterations = -1 #@param\nseed = -1 #@param\n'
    draft, scene = imported(tmp_path, notebook(FIELDS + more))
    assert (scene.size.width, scene.size.height, scene.shots[0].kind) == (320, 192, "timelapse")
    assert weights(draft) == {"a castle": "1", "fog": "-0.5"}
    draft, scene = imported(tmp_path, notebook(SPANISH))
    assert (scene.size.width, scene.size.height, scene.seed) == (320, 192, 5)
    assert "wikiart-16384" in draft.fields["models"].yaml
    assert draft.fields["guidance.first_steps"].yaml == "120"
    assert weights(draft) == {"un castillo": "1", "niebla": "-0.5"}


ANIMATION = {
    "width": "400",
    "height": "304",
    "model": "'vqgan_imagenet_f16_1024'",
    "initial_image": "''",
    "target_images": "''",
    "seed": "1",
    "max_frames": "60",
    "angle": "'10: 0, 30: 1, 50: -1'",
    "zoom": "'10: 1, 30: 1.2, 50: 0.9'",
    "translation_x": "'0: 0'",
    "translation_y": "''",
    "iterations_per_frame": "'0: 10'",
    "key_frames": "True",
}


@pytest.mark.parametrize(
    ("prompts", "found"),
    [
        (
            "\"'Apple': {10: 1, 20: 0}, 'Orange': {10: 0, 20: 1}, 'Peach': {20: 1}\"",
            {"Apple": "{1s: 1, 2s: 0}", "Orange": "{1s: 0, 2s: 1}", "Peach": "1"},
        ),
        (
            '"10:(Apple: 1| Orange: 0), 20: (Apple: 0| Orange: 1| Peach: 1)"',
            {"Apple": "{1s: 1, 2s: 0}", "Orange": "{1s: 0, 2s: 1}", "Peach": "1"},
        ),
        (
            '"0: (a castle), 20: (a lake)"',
            {"a castle": "{0s: 1, 2s: [0, step]}", "a lake": "{0s: 0, 2s: [1, step]}"},
        ),
        ('"a castle:2 | fog:-1"', {"a castle": "2", "fog": "-1"}),
    ],
)
def test_prompts_of_the_animations_keep_their_frames_and_weights(
    prompts: str, found: dict[str, str], tmp_path: Path
) -> None:
    cell = "\n".join(f"{name} = {value} #@param" for name, value in ANIMATION.items())
    given = notebook(f"text_prompts = {prompts} #@param\n{cell}\n", "fps = 10 #@param\n")
    draft, scene = imported(tmp_path, given)
    assert weights(draft) == found
    assert (scene.size.width, scene.size.height, scene.fps, scene.seed) == (400, 304, 10, 1)
    assert scene.shots[0].camera.border == "wrap"
    assert draft.fields["camera.rotate"].yaml == "{1s: 0, 3s: -10, 5s: 10}"
    assert draft.fields["guidance.steps"].yaml == "10"
    assert {key for key in ANIMATION if not told(draft, key)} == set()


def test_a_notebook_that_calls_vqgan_clip_is_read_as_its_command(tmp_path: Path) -> None:
    call = '!python generate.py -p "{texts}:1 | fog:-1" -i $steps -s 320 192\n'
    cells = ('texts = "a castle" #@param\nsteps = 60 #@param\n', call)
    draft, scene = imported(tmp_path, notebook(*cells))
    assert draft.source == vqgan_clip.READS
    assert (scene.size.width, scene.size.height) == (320, 192)
    assert weights(draft) == {"a castle": "1", "fog": "-1"}
    assert draft.fields["guidance.first_steps"].yaml == "60"


def test_settings_of_a_program_made_of_the_animations(tmp_path: Path) -> None:
    text = (
        "max_frames: 36\ntext_prompts:\n  - prompt: Apple\n    keyframes:\n      12: 1\n      24: 0\n"
        "  - prompt: Peach\n    keyframes:\n      20: 1\nwidth: 320\nheight: 192\nzoom:\n  0: 1.02\n"
        "iterations_per_frame:\n  0: 10\nseed: 1\n"
    )
    draft, scene = imported(tmp_path, text)
    assert weights(draft) == {"Apple": "{1s: 1, 2s: 0}", "Peach": "1"}
    assert scene.shots[0].camera.zoom.constant_value == pytest.approx(1.02**12)


def test_guided_diffusion_before_disco_has_its_prompts_in_a_list(tmp_path: Path) -> None:
    cells = (
        "prompts = ['a lake:2', 'fog:-1']\nclip_guidance_scale = 1000 #@param\ntv_scale = 150 #@param\n",
    )
    draft, _ = imported(tmp_path, notebook(*cells))
    assert weights(draft) == {"a lake": "2", "fog": "-1"}
