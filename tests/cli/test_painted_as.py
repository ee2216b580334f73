"""What prompts will be painted as is said before anything is painted, where the pocket perceptor judges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

HEAD = "size: [64, 48]\nfps: 10\nduration: 1s\nguidance: {steps: 1, first_steps: 2, cutouts: 2}\n"
FOUND = "will be painted as: movie theater, umbrella, fountain"


def write(here: Path, *prompts: str, more: str = "") -> None:
    lines = "".join(f"  - {prompt}\n" for prompt in prompts)
    (here / "scene.yaml").write_text(f"{HEAD}{more}prompts:\n{lines}", encoding="utf-8")


def lines_after(out: str, text: str) -> str:
    """The line below that of a prompt."""
    lines = out.splitlines()
    return lines[next(number for number, line in enumerate(lines) if line.strip().endswith(text)) + 1].strip()


def prompts_of(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("plan", "scene.yaml", "--json").out)["prompts"]
    return found


def test_check_names_the_nearest_things_and_what_is_far(run: Run, here: Path) -> None:
    write(here, "a neon city in the rain", "a lighthouse", "a qwrtzp castle")
    result = run("check", "scene.yaml")
    assert result.code == 0
    assert lines_after(result.out, "a neon city in the rain") == FOUND
    assert lines_after(result.out, "a lighthouse") == "will be painted as: lighthouse"
    far, unknown = result.err.splitlines()
    assert "'a neon city in the rain'" in far
    assert "lighthouse" not in far
    assert "--models pocket+ViT-B/32" in far
    assert "'qwrtzp'" in unknown
    assert "'a qwrtzp castle'" in unknown


def test_small_words_that_are_not_known_are_no_matter(run: Run, here: Path) -> None:
    write(here, "I saw 4 castles")
    result = run("check", "scene.yaml")
    assert (result.code, result.err) == (0, "")
    assert prompts_of(run)[0]["unknown"] == ["I", "4"]


def test_the_command_that_helps_is_one_that_works(run: Run, here: Path) -> None:
    """A CLIP knows more, so that with it nothing is said; the generator stays."""
    write(here, "a neon city in the rain", "a qwrtzp castle", more="models: pixels\n")
    told = run("check", "scene.yaml").err
    models = told.splitlines()[0].split("--models ")[1].split()[0]
    result = run("check", "scene.yaml", "--models", models)
    assert (result.code, result.err) == (0, "")
    assert "pixels and ViT-B/32" in result.out
    assert "painted as" not in result.out


def test_what_is_avoided_and_what_changes_sides_is_said_so(run: Run, here: Path) -> None:
    write(here, "{text: a lighthouse, weight: -0.5}", "{text: a tiger, weight: {0s: 1, 1s: -1}}", "a castle")
    result = run("check", "scene.yaml")
    assert lines_after(result.out, "a lighthouse") == "will be kept away from: lighthouse"
    assert "painted" in lines_after(result.out, "a tiger")
    assert "away" in lines_after(result.out, "a tiger")
    assert lines_after(result.out, "a castle") == "will be painted as: castle"
    assert [one["pull"] for one in prompts_of(run)] == ["from", "both", "to"]


def test_the_style_is_read_with_the_text(run: Run, here: Path) -> None:
    write(here, "a love song", more="style: a lighthouse\n")
    assert "lighthouse" in lines_after(run("check", "scene.yaml").out, "a love song, a lighthouse")
    (line,) = prompts_of(run)
    assert line["text"] == "a love song"
    assert "lighthouse" in [one["name"] for one in line["nearest"]]


def test_plan_tells_it_to_people_and_programs(run: Run, here: Path) -> None:
    write(here, "a neon city in the rain", "a qwrtzp castle")
    result = run("plan", "scene.yaml")
    assert FOUND in result.out
    assert "far from" in result.err
    neon, castle = prompts_of(run)
    names = [one["name"] for one in neon["nearest"]]
    shares = [one["share"] for one in neon["nearest"]]
    assert names[:3] == ["movie theater", "umbrella", "fountain"]
    assert shares == sorted(shares, reverse=True)
    assert all(0 < share < 1 for share in shares)
    assert (neon["far"], neon["unknown"], neon["perceptor"]) == (True, [], "pocket")
    assert (castle["far"], castle["unknown"]) == (False, ["qwrtzp"])


def test_many_prompts_are_summed_up_and_all_in_json(run: Run, here: Path) -> None:
    write(here, *(f"love and loneliness zzqx{number}" for number in range(60)))
    for command in ("check", "plan"):
        result = run(command, "scene.yaml")
        assert result.out.count("will be painted as") < 20
        assert "48 more" in result.out
        assert len(result.err.splitlines()) < 10
        assert "60 of 60 prompts are far" in result.err
    lines = prompts_of(run)
    assert len(lines) == 60
    assert all(line["far"] and line["unknown"] for line in lines)


def test_a_render_says_it_once_before_it_paints_and_not_when_nothing_is_to_do(run: Run, here: Path) -> None:
    write(here, "a neon city in the rain", "a qwrtzp castle < a moat")
    (here / "scene.yaml").write_text((here / "scene.yaml").read_text().replace("1s", "0.2s"))
    result = run("render", "scene.yaml")
    assert result.code == 0
    assert result.out.index(FOUND) < result.out.index("loading the models")
    assert result.out.count("will be painted as") == 2
    assert (result.err.count("far from"), result.err.count("does not know")) == (1, 1)
    page = (here / "renders" / "scene" / "live.html").read_text(encoding="utf-8")
    assert FOUND in page
    assert "a qwrtzp castle &lt; a moat" in page
    assert "castle < a" not in page
    assert "far from" in (here / "renders" / "scene" / "live.js").read_text(encoding="utf-8")
    again = run("render", "scene.yaml")
    assert again.err == ""
    assert "painted as" not in again.out
    assert "far from" in (here / "renders" / "scene" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [["image"], ["timelapse", "--duration", "0.2"]])
def test_single_pictures_say_it_too(run: Run, here: Path, command: list[str]) -> None:
    result = run(*command, "an astronaut | a lighthouse:-1", "--size", "64x48", "--steps", "2")
    assert result.code == 0
    assert lines_after(result.out, "an astronaut") == "will be painted as: crash helmet, space shuttle"
    assert lines_after(result.out, "a lighthouse") == "will be kept away from: lighthouse"
    assert "'an astronaut'" in result.err


def test_quiet_leaves_the_warning(run: Run, here: Path) -> None:
    quiet = run("image", "an astronaut", "--size", "64x48", "--steps", "1", "--quiet")
    assert quiet.out == ""
    assert "'an astronaut'" in quiet.err


def test_prompts_about_colors_and_prompts_without_a_known_word(run: Run, here: Path) -> None:
    write(here, "golden light", "blorptang", "a castle")
    result = run("check", "scene.yaml")
    assert "colors" in lines_after(result.out, "golden light")
    assert "nothing in particular" in lines_after(result.out, "blorptang")
    assert "golden light" not in result.err


def test_it_is_said_for_several_perceptors_which_one_reads(run: Run, here: Path) -> None:
    models = "models: {generator: pocket, perceptor: [pocket, ViT-B/32]}\n"
    write(here, "a lighthouse", more=models)
    assert "pocket" in lines_after(run("check", "scene.yaml").out, "a lighthouse")
