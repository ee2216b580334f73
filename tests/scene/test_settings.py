"""What generators, loss terms and effects let people set is read and described from there."""

from __future__ import annotations

import json

import pytest

from vqanim import compile_timeline
from vqanim.errors import SceneError
from vqanim.scene import Scene, describe_fields, dump_scene, load_scene_text
from vqanim.scene.schema import scene_schema

HEAD = "duration: 2s\nfps: 4\nprompts: a lake\n"
SHOTS = "shots: [{name: a, duration: 1s}, {name: b, duration: 1s, guidance: {losses: %s}}]"


def losses(scene: Scene) -> list[dict[str, object]]:
    """Of every shot: the terms by name, with the weight if it is a number, and the settings."""
    return [
        {use.name: (use.weight.constant_value, dict(use.settings)) for use in shot.guidance.losses}
        for shot in scene.shots
    ]


def mistake(text: str) -> str:
    with pytest.raises(SceneError) as caught:
        load_scene_text(HEAD + text)
    (problem,) = caught.value.problems
    return str(problem)


def test_losses_have_a_weight_and_settings() -> None:
    (found,) = losses(
        load_scene_text(HEAD + "guidance: {losses: {tv: 0.5, symmetry: {weight: 0.4, axis: point}}}")
    )
    assert found == {"tv": (0.5, {}), "symmetry": (0.4, {"axis": "point"})}
    (found,) = losses(load_scene_text(HEAD + "guidance: {losses: {symmetry: {axis: horizontal}}}"))
    assert found == {"symmetry": (1, {"axis": "horizontal"})}
    (found,) = losses(load_scene_text(HEAD + "guidance: {losses: {tv: {0s: 0, 2s: 1}, symmetry: none}}"))
    assert found == {"tv": (None, {})}


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("{symmetry: 1}", {"tv": (0.5, {}), "symmetry": (1, {})}),
        ("{tv: 2}", {"tv": (2, {})}),
        ("{tv: none}", {}),
        ("none", {}),
    ],
)
def test_losses_of_a_shot_are_merged_into_those_of_the_scene(own: str, expected: dict[str, object]) -> None:
    scene = load_scene_text(HEAD + "guidance: {losses: {tv: 0.5}}\n" + SHOTS % own)
    assert losses(scene) == [{"tv": (0.5, {})}, expected]
    assert load_scene_text(dump_scene(scene)) == scene
    moving = load_scene_text(HEAD + "guidance: {losses: {tv: {0s: 0, 2s: 1}}}\n" + SHOTS % own)
    assert load_scene_text(dump_scene(moving)) == moving


def test_losses_stand_in_the_plans_of_frames_where_they_count() -> None:
    text = "guidance: {losses: {tv: {0s: 0, 1s: 0, 2s: 1}, symmetry: {weight: 0.4, axis: point}}}"
    frames = compile_timeline(load_scene_text(HEAD + text)).shots[0].frames
    terms = [
        {term.kind: (term.weight, term.settings) for term in frame.losses if not term.is_prompt}
        for frame in frames
    ]
    assert terms[0] == {"symmetry": (0.4, (("axis", "point"),))}
    assert terms[6]["tv"] == (0.5, ())
    plain = compile_timeline(load_scene_text(HEAD)).shots[0].frames
    assert [term.kind for term in plain[0].losses] == ["prompt"]
    assert [term.kind for term in frames[0].losses] == ["prompt", "symmetry"]


def test_losses_of_two_shots_are_blended_as_one_term() -> None:
    text = "shots: [{name: a, duration: 1s, guidance: {losses: {tv: 1}}}, {name: b, duration: 1s, "
    text += "transition: {carry: 1s}, guidance: {losses: {tv: 2}}}]"
    frames = compile_timeline(load_scene_text(HEAD + text)).shots[1].frames
    weights = [[term.weight for term in frame.losses if term.kind == "tv"] for frame in frames]
    assert all(len(each) == 1 for each in weights)
    assert 1 <= weights[0][0] < weights[2][0] <= 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("guidance: {losses: {tvv: 1}}", "4: guidance.losses.tvv: unknown key 'tvv', did you mean 'tv'?"),
        ("guidance: {losses: {prompt: 1}}", "4: guidance.losses.prompt: unknown key 'prompt'"),
        ("guidance: {losses: {tv: -1}}", "4: guidance.losses.tv: found -1, allowed a number from 0 to 100"),
        ("guidance: {losses: {tv: {axis: point}}}", "4: guidance.losses.tv.axis: unknown key 'axis'"),
        (
            "guidance: {losses: {symmetry: {axis: vertcal}}}",
            "symmetry.axis: found 'vertcal', allowed vertical, horizontal or point, did you mean 'vertical'?",
        ),
        ("guidance: {losses: tv}", "4: guidance.losses: found 'tv', allowed terms by name (tv"),
        (
            "models: {generator: {name: pixels, cels: 8}}",
            "generator.cels: unknown key 'cels', did you mean 'cells'?",
        ),
        ("models: {generator: {name: pixels, cells: 0}}", "found '0', allowed a whole number from 4 to 512"),
        (
            "models: {generator: {name: pixels, cells: 8.5}}",
            "models.generator.cells: found '8.5', allowed a whole",
        ),
        ("models: {generator: {name: pocket, cells: 3}}", "the generator 'pocket' has no settings."),
        ("models: {generator: {cells: 3}}", "4: models.generator.name: is missing, allowed the name of a"),
    ],
)
def test_mistakes_are_told_with_what_is_allowed(text: str, said: str) -> None:
    assert said in mistake(text)


def test_every_setting_is_described() -> None:
    fields = {field.path: field for field in describe_fields()}
    assert fields["effects[].strobe.rate"].unit == "times per second"
    assert fields["guidance.losses.symmetry.axis"].default == "vertical"
    schema = json.dumps(scene_schema())
    for path in ("effects[].strobe.rate", "guidance.losses.symmetry.axis", "guidance.losses.tv"):
        assert json.dumps(fields[path].description)[1:-1] in schema


def test_a_generator_has_the_settings_of_its_family() -> None:
    scene = load_scene_text(HEAD + "models: {generator: {name: pixels, cells: 32}}")
    assert (scene.models.generator, scene.models.settings) == ("pixels", (("cells", 32),))
    assert load_scene_text(dump_scene(scene)) == scene
    fields = {field.path: field for field in describe_fields()}
    assert fields["models.generator.cells"].default == "64"
    plain = load_scene_text(HEAD + "models: {generator: {name: pixels, cells: none}}")
    assert plain == load_scene_text(HEAD + "models: {generator: pixels}")


def test_a_generator_by_name_alone_is_what_it_was() -> None:
    scene = load_scene_text(HEAD + "models: {generator: {name: pocket}}")
    assert scene == load_scene_text(HEAD + "models: {generator: pocket}")
    assert scene.models.settings == ()
