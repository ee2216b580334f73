"""Values from the command line."""

from __future__ import annotations

import pytest

from vqanim.errors import SceneError
from vqanim.scene import Scene, load_scene_text

TEXT = """\
duration: 2s
size: [256, 144]
models: pocket
prompts: [{text: a lake}, "a wood:2"]
shots:
  - {name: a, duration: 1s}
  - {name: b, duration: 1s}
"""


def put(*overrides: str) -> Scene:
    """The scene with values put in."""
    return load_scene_text(TEXT, overrides=overrides)


def test_values_are_put_in_place() -> None:
    scene = put(
        "guidance.steps=3", "prompts[0].weight=2", "shots[1].camera.zoom=1.5", "size=[64,48]", "seed = 7"
    )
    first, second = scene.shots
    assert first.guidance.steps.constant_value == 3
    assert first.prompts[0].weight.constant_value == 2
    assert (first.camera.zoom.constant_value, second.camera.zoom.constant_value) == (1, 1.5)
    assert (scene.size.width, scene.size.height, scene.seed) == (64, 48, 7)
    assert second.camera.zoom.base == "film"  # a constant has no time
    assert put("shots[1].camera.zoom=1+t").shots[1].camera.zoom.base == "shot"
    assert str(first.guidance.steps.place) == "--set: guidance.steps:"


def test_values_are_yaml() -> None:
    scene = put("camera.rotate={0s: 1, 1s: [2, step]}", "prompts[1]={text: a city, weight: 3}", "title=x=y")
    assert scene.shots[0].camera.rotate.text == "{0s: 1, 1s: 2}"
    assert [p.text for p in scene.shots[0].prompts] == ["a lake", "a city"]
    assert scene.title == "x=y"


def test_the_last_of_two_counts() -> None:
    assert put("seed=1", "seed=2").seed == 2


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("fps", "--set: found 'fps', allowed key.path=value such as guidance.steps=3"),
        ("=3", "--set: found '=3', allowed key.path=value"),
        ("a..b=3", "--set: found 'a..b=3', allowed key.path=value"),
        ("a" + ".a" * 100_000 + "=3", "--set: found 'a.a.a.a"),
        ("a[x]=3", "--set: found 'a[x]=3', allowed key.path=value"),
        ("fps=", "--set: fps: found nothing after =, allowed a value; `none` takes one away"),
        ("fps=fast", "--set: fps: found 'fast', allowed a number from 1 to 240"),
        ("camera.zom=1", "--set: camera.zom: unknown key 'zom', did you mean 'zoom'?"),
        ("prompts[2]=a", "--set: prompts[2]: there is no [2], the list has 2 and counts from [0]"),
        (
            "prompts[1].weight=3",
            "--set: prompts[1].weight: weight needs a mapping, the scene has 'a wood:2' there",
        ),
        (
            "models.generator=x",
            "--set: models.generator: generator needs a mapping, the scene has 'pocket' there",
        ),
        ("duration[0]=3", "--set: duration[0]: [0] needs a list, the scene has '2s' there"),
        ("effects[0].x=3", "--set: effects[0].x: there is no list effects"),
        ("title=a: b: c", "--set: title: a colon where none is expected"),
        ("title=*x", "--set: title: found the alias *x"),
        ("camera.zoom={0s: 0}", "--set: camera.zoom: at 0s: found 0, allowed a number above 0"),
    ],
)
def test_a_mistake_is_told_as_one_of_the_command_line(override: str, said: str) -> None:
    with pytest.raises(SceneError) as caught:
        put(override)
    assert str(caught.value).startswith(said)
    assert len(caught.value.problems) == 1
    assert caught.value.exit_code == 2


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(SceneError) as caught:
        put("fps=x", "foo", "camera.zoom=0")
    assert len(caught.value.problems) == 3
