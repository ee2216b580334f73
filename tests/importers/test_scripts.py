"""Scripts that call VQGAN-CLIP: what their variables say, and what several calls make together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vqanim
from vqanim.api.create import checked
from vqanim.errors import UsageError
from vqanim.importers import import_settings, vqgan_clip
from vqanim.importers.draft import Draft
from vqanim.importers.reading import SettingsFile
from vqanim.scene.model import Scene

CALL = "python generate.py"


def draft_of(text: str, folder: Path, name: str = "run.sh", started: str = "") -> Draft:
    path = folder / name
    path.write_bytes(text.encode())
    return import_settings(f"{path} {started}" if started else str(path), folder, "vqgan-clip")


def scene_of(draft: Draft, folder: Path) -> Scene:
    (folder / "scene.yaml").write_text(checked(draft, folder / "scene.yaml"))
    return vqanim.prepare(folder / "scene.yaml").scene


def left(draft: Draft) -> set[str]:
    return {key for note in draft.notes if note.fate == "left" for key in note.keys}


def texts(draft: Draft) -> list[str]:
    return [prompt["text"].yaml.strip("'") for prompt in draft.prompts]


VALUES: dict[str, tuple[str, dict[str, Any]]] = {
    "a plain one": ("I=25\n" + CALL + ' -p "a castle" -i $I', {"iterations": 25}),
    "in quotes": ("I=25\n" + CALL + ' -p "a castle" -i="$I" --seed="${I}"', {"iterations": 25, "seed": 25}),
    "a default": (CALL + ' -p "${1:-a castle}" -i ${I:-40}', {"iterations": 40}),
    "a default that is another": ("J=7\n" + CALL + ' -p "a castle" -i ${I:-$J}', {"iterations": 7}),
    "arithmetic": ("A=20\nI=$((A*2 + $A/3))\n" + CALL + ' -p "a castle" -i $I', {"iterations": 46}),
    "a counter": ("I=1\n((I++)); let I=I*10\n" + CALL + ' -p "a castle" -i $I', {"iterations": 20}),
    "several words": ('OPTS="-i 30 -sd 4"\n' + CALL + ' -p "a castle" $OPTS', {"iterations": 30, "seed": 4}),
    "an array": ('OPTS=(-i 30 -p "a castle")\n' + CALL + ' "${OPTS[@]}"', {"iterations": 30}),
    "exported": ("export I=30\n" + CALL + " -p 'a castle' -i $I # -i 40", {"iterations": 30}),
    "a suffix cut": ("F=30.png\n" + CALL + ' -p "a castle" -i ${F%.*}', {"iterations": 30}),
    "a function": (
        'paint() {\n  local text="$1"; ' + CALL + ' -p "$text" -i "$2"\n}\npaint "a castle" 30',
        {"iterations": 30},
    ),
    "a here document": (
        f"cat > x <<'EOF'\n{CALL} -p 'no' -i 9\ndon't\nEOF\n{CALL} -p 'a castle' -i 30",
        {"iterations": 30},
    ),
    "a prefix": (f"CUDA_VISIBLE_DEVICES=0 nohup {CALL} -p 'a castle' -i 30 > log 2>&1 &", {"iterations": 30}),
    "a conda run": (
        "conda run -n vqgan python3 -u ./VQGAN/generate.py -p 'a castle' -i 30",
        {"iterations": 30},
    ),
    "going on": (CALL + " \\\r\n  -p 'a castle' \\\r\n  -i 30\r\n", {"iterations": 30}),
    "a command in quotes": (f"bash -c \"{CALL} -p 'a castle' -i 30\"", {"iterations": 30}),
    "a function that nobody calls": ("f() { " + CALL + " -p 'a castle' -i 30; }", {"iterations": 30}),
    "prose around it": (f"I can't wait:\n  $ {CALL} -p 'a castle' -i 30\n", {"iterations": 30}),
    "append": ("P=a\nP+=' castle'\n" + CALL + ' -p "$P" -i 30', {"iterations": 30}),
}


@pytest.mark.parametrize("kind", VALUES)
def test_variables_of_a_script_are_known(kind: str, tmp_path: Path) -> None:
    text, expected = VALUES[kind]
    draft = draft_of("#!/bin/bash\n" + text + "\n", tmp_path)
    assert texts(draft) == ["a castle"]
    assert {key: draft.settings[key] for key in expected} == expected
    scene_of(draft, tmp_path)


BATCH = {
    "set": ("set I=30\r\npython generate.py -p \"a castle\" -i %I%\r\n", 30),
    "set in quotes": ('@echo off\r\nset "T=a castle"\r\npython generate.py -p "%T%" -i 30\r\n', 30),
    "a value with quotes": ('set T="a castle"\r\npython generate.py -p %T% -i 30\r\n', 30),
    "a sum": ('set /a I=15*2\r\npython generate.py -p "a castle" -i %i%\r\n', 30),
    "going on": ('REM don\'t\r\npython generate.py ^\r\n  -p "a castle" ^\r\n  -i 30\r\n', 30),
    "late": ('setlocal\r\nset I=30\r\npython generate.py -p "a castle" -i !I!\r\n', 30),
}  # fmt: skip


@pytest.mark.parametrize("kind", BATCH)
def test_variables_of_a_batch_file_are_known(kind: str, tmp_path: Path) -> None:
    text, iterations = BATCH[kind]
    draft = draft_of(text, tmp_path, "run.bat")
    assert (texts(draft), draft.settings["iterations"]) == (["a castle"], iterations)


def test_variables_of_a_power_shell_script_are_known(tmp_path: Path) -> None:
    text = '$T = "a castle"\r\npython generate.py -p "$T" `\r\n  -i 30\r\n'
    draft = draft_of(text, tmp_path, "run.ps1")
    assert (texts(draft), draft.settings["iterations"]) == (["a castle"], 30)


PYTHON = """
import os, subprocess
from sys import argv
TEXT, OUT, STEPS = argv[1], "a.png", 25
LR = 0.2
os.system(f'python generate.py -p="a castle" -lr={LR} -i=40 -o="{argv[2]}"')
os.system(f'python generate.py -p="{TEXT}" -lr={LR} -i=40 -o="zoom/a.png"')
for i in range(9):
    os.system('python generate.py -p="%s" -lr=0.2 -i=25 -ii="zoom/a.png" -o="zoom/a.png"' % TEXT)
    subprocess.run(["convert", "zoom/a.png", "-distort", "SRT", "1.01,0", "zoom/a.png"], check=True)
"""


def test_a_script_in_python_that_calls_the_program(tmp_path: Path) -> None:
    draft = draft_of(PYTHON, tmp_path, "zoom.py")
    scene = scene_of(draft, tmp_path)
    assert (scene.shots[0].guidance.first_steps, str(scene.duration)) == (40, "0.4s")
    assert scene.shots[0].camera.zoom.constant_value == pytest.approx(1.01**25)
    assert {"prompts", "1 more commands"} <= left(draft)
    text = (
        'import subprocess as s\nP = "a castle"\ns.run(["python", "generate.py", "-p", P, "-i", str(30)])\n'
    )
    draft = draft_of(text, tmp_path, "run.py")
    assert (texts(draft), draft.settings["iterations"]) == (["a castle"], 30)


def test_a_function_that_a_variable_names_is_called(tmp_path: Path) -> None:
    text = "mode=$1\nif [[ -z $mode ]]; then mode=paint; fi\n"
    text += f'paint() {{ {CALL} -p "$@" -i 30; }}\n$mode "a castle"\n'
    assert texts(draft_of(text, tmp_path)) == ["a castle"]


GAPS = {
    "an argument": 'python generate.py -p "$1" -i 30',
    "a loop": 'for T in "a castle" "a lake"; do python generate.py -p "$T" -i 30; done',
    "a part of it": 'for N in 1 2; do python generate.py -p "a castle $N" -i 30; done',
    "a command": "T=$(shuf -n 1 words.txt)\npython generate.py -i 30 -p `head -1 t`$T",
    "read": 'while read -r T; do python generate.py -p "$T" -i 30; done < words.txt',
    "never set": 'python generate.py -p "$TEXT" -i 30',
    "a sum of it": 'python generate.py -p "$(($1+1))" -i 30',
    "it grows": 'T=a\nfor i in 1 2; do T+=" b"; python generate.py -p "$T" -i 30; done',
}


@pytest.mark.parametrize("kind", GAPS)
def test_what_only_running_would_tell_is_left_out_with_a_note(kind: str, tmp_path: Path) -> None:
    draft = draft_of(GAPS[kind], tmp_path)
    assert draft.prompts == []
    assert "prompts" in left(draft)
    assert draft.settings["iterations"] == 30
    scene_of(draft, tmp_path)


def test_an_odd_option_is_left_out_and_the_others_stay(tmp_path: Path) -> None:
    draft = draft_of(f"{CALL} -p 'a castle' --depth 3 -i many -sd 4 -lr 0.2 and more", tmp_path)
    assert texts(draft) == ["a castle"]
    assert {"--depth", "iterations", "'and more'"} <= left(draft)
    assert (draft.settings["seed"], draft.settings["learning_rate"]) == (4, 0.2)
    scene_of(draft, tmp_path)


def test_both_numbers_of_a_size_are_known_or_none(tmp_path: Path) -> None:
    draft = draft_of(f'{CALL} -p "a castle" -s "$W" 256 -sd 3', tmp_path)
    assert "size" in left(draft)
    assert scene_of(draft, tmp_path).seed == 3


def test_a_value_that_a_condition_sets_is_told(tmp_path: Path) -> None:
    text = f'LR=0.1\nif [ "$1" = fast ]; then LR=0.5; fi\n{CALL} -p "a castle" -lr $LR'
    draft = draft_of(text, tmp_path)
    assert draft.settings["learning_rate"] == 0.1
    assert [note.keys for note in draft.notes if "several ways" in note.message] == [("LR",)]


FEEDBACK = """#!/bin/bash
TEXT="$1"
F="$2"
python generate.py -p="$TEXT" -lr=0.1 -i=40 -o="$F"
for (( i=1; i<=$3; i++ ))
do
  python generate.py -p="$TEXT" -lr=0.1 -i=25 -ii="$F" -o="$F"
  convert "$F" -distort SRT 1.02,0 -gravity center "$F" # closer
  convert "$F" -distort SRT 2 -gravity center "$F"
done
ffmpeg -y -framerate 10 -i frame-%04d.png -filter:v "minterpolate='mi_mode=mci:fps=30'" film.mp4
"""


def test_pictures_fed_back_in_a_loop_are_a_film(tmp_path: Path) -> None:
    scene = scene_of(draft_of(FEEDBACK, tmp_path), tmp_path)
    (shot,) = scene.shots
    assert (scene.fps, scene.painted_rate, scene.output.smooth) == (30, 10, "minterpolate")
    assert (shot.guidance.first_steps, shot.guidance.steps.constant_value) == (40, 25)
    assert shot.camera.zoom.constant_value == pytest.approx(1.02**10)
    assert shot.camera.rotate.constant_value == pytest.approx(20)  # clockwise in both
    assert shot.prompts == ()


def test_a_script_is_read_with_what_it_is_started_with(tmp_path: Path) -> None:
    scene = scene_of(draft_of(FEEDBACK, tmp_path, started='"a castle" c.png 50'), tmp_path)
    assert [prompt.text for prompt in scene.shots[0].prompts] == ["a castle"]
    assert str(scene.duration) == "5.1s"  # the first picture, and one each turn


def test_another_text_for_the_first_picture_is_over_with_the_first_frame(tmp_path: Path) -> None:
    scene = scene_of(
        draft_of(FEEDBACK.replace("$TEXT", "a lake", 1), tmp_path, started="sea s.png 9"), tmp_path
    )
    weights = {prompt.text: prompt.weight.text for prompt in scene.shots[0].prompts}
    assert weights == {"a lake": "{0s: 1, 0.1s: 0}", "sea": "{0s: 0, 0.1s: 1}"}


def test_a_picture_painted_in_stages_is_one_timelapse(tmp_path: Path) -> None:
    text = f"{CALL} -p 'a castle' -i 100 -o a.png\n{CALL} -p 'snow' -ii a.png -i 50 -o b.png\n"
    scene = scene_of(draft_of(text, tmp_path), tmp_path)
    (shot,) = scene.shots
    assert (shot.kind, shot.guidance.first_steps) == ("timelapse", 150)
    keys = {prompt.text: prompt.weight.text for prompt in shot.prompts}
    assert keys["a castle"].startswith("{0s: 1, ")
    assert keys["snow"].startswith("{0s: 0, ")


def test_commands_that_have_nothing_to_do_with_one_another_are_counted(tmp_path: Path) -> None:
    draft = draft_of(f"{CALL} -p 'a castle'\n{CALL} -p 'a lake'\n{CALL} -p 'a sea'\n", tmp_path)
    assert texts(draft) == ["a castle"]
    assert "2 more commands" in left(draft)


SCRAPS = r"""python generate.py -p "a castle" -i 20 ' " $ ${ } ( ) (( )) { } ; & && || | > < << <<- \\ ` $(
$(( if then else elif fi for in do done while case esac function f() X=1 X+=2 Y=(a ${X:-5} ${X%.*} $1 "$@"
"${Y[@]}" # -lr $X --seed=$((X*2)) read shift EOF [[ %X% %%i set /a A=1+1 goto :x ^ -ii output.png convert
-distort SRT 1,2""".split()


@settings(max_examples=150, deadline=None)
@given(
    scraps=st.lists(
        st.tuples(st.sampled_from(SCRAPS), st.sampled_from((" ", "\n", "", "\\\r\n"))), max_size=25
    ),
    name=st.sampled_from(("a.sh", "a.bat", "a.ps1", "a command line")),
)
def test_whatever_stands_in_a_script_there_is_a_draft_or_clear_words(
    scraps: list[tuple[str, str]], name: str
) -> None:
    text = "".join(map("".join, scraps)) + "\npython generate.py -p x -i 5"
    try:
        draft = vqgan_clip.read(SettingsFile(name, text, Path()), Path())
    except UsageError:
        return
    assert draft.text("scene.yaml")


def test_a_variable_of_powershell_is_one_word(tmp_path: Path) -> None:
    text = '$text = "a red box"\n$steps = 40\npython generate.py -p $text -i ${steps} `\n  -lr 0.2\n'
    draft = draft_of(text, tmp_path, "run.ps1")
    assert texts(draft) == ["a red box"]
    assert {"iterations", "learning_rate"} <= draft.known
    assert not left(draft)


def test_a_ratio_that_a_tool_takes_for_a_weight_is_told(tmp_path: Path) -> None:
    for prompt, is_told in (("a clock, 16:9", True), ("a clock:9", False), ("a clock of 1984:0.5", False)):
        draft = draft_of(f'{CALL} -p "{prompt}"', tmp_path)
        assert any("16:9" in note.message for note in draft.notes) == is_told
