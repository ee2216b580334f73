"""Every mistake is one line that says where, what was found, what is allowed, and what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from vqanim.errors import SceneError
from vqanim.scene import load_scene, load_scene_text

HEAD = "duration: 2s\nprompts: a lake\n"
"""Two lines without a mistake, so that line 3 has the one in question."""
CAMERA = HEAD + "camera: "
PERCEPTOR = HEAD + "models: {perceptor: "

PROMPT = "duration: 2s\nprompts: [{text: a, "
SHOTS = "prompts: a\nshots: "

MISTAKES = {
    # YAML
    "": "1: the file is empty, allowed a scene such as the one that `vqanim new NAME` writes",
    "# only a comment\n": "1: the file is empty, allowed a scene",
    "- a\n- b": "1: found a list, allowed a mapping of keys such as `duration: 6s`",
    "just words": "1: found 'just words', allowed a mapping",
    HEAD + "camera:\n\tzoom: 1": "4: found a tab in the indentation, allowed are spaces only",
    HEAD + "title: !!python/object/apply:os.system [ls]": "3: found the tag 'tag:yaml.org,2002:python/object",
    HEAD + "title: !foo x": "3: found the tag '!foo', tags are not allowed",
    HEAD + "title: &a x\nstyle: *a": "3: found the anchor &a, anchors are not allowed",
    HEAD + "style: *a": "3: found the alias *a, aliases are not allowed",
    HEAD + "x: " + "[" * 20_000: "3: nested more than 32 deep",
    HEAD + "x: " + "{a: " * 20_000: "3: nested more than 32 deep",
    HEAD + "---\nduration: 3s": "3: found a second document after ---, allowed is one",
    HEAD + "duration: 3s": "3: found the key 'duration' twice, the first is in line 1",
    HEAD + "<<: {seed: 1}": "3: found the merge key <<, merging is not allowed",
    HEAD + "[a, b]: 1": "3: found a list as a key, allowed is a name or a time",
    HEAD + "title: \x07": "3: found the control character '\\x07', allowed is plain text",
    HEAD + 'title: "\\0"': "3: found the control character '\\x00', allowed is plain text",
    HEAD + 'title: "\\uDC00"': "3: found the control character '\\udc00', allowed is plain text",
    HEAD + 'title: "\\UFFFFFFFF"': "1: this is no YAML: ",
    HEAD + 'title: "Mordor\nseed: 1': "3: the text in quotes that opens in line 3 is not closed",
    HEAD + "size: [256, 144\n": "3: the [ that opens in line 3 is not closed, or a comma is missing",
    HEAD + "start: {color: #334455}\n": 'a color is written in quotes: "#334455"',
    HEAD
    + "title: Mordor: the film": "3: a colon where none is expected: put a text that holds ': ' in quotes",
    HEAD + "title: @home": "3: found character '@' at the beginning of a text, put the text in quotes",
    "a:\n  b: 1\n c: 2": "3: the indentation does not fit the lines above",
    # keys
    HEAD + "promts: x": "3: promts: unknown key 'promts', did you mean 'prompts'?",
    HEAD
    + "weather: x": "3: weather: unknown key 'weather', allowed title, size, fps, duration, seed, models",
    HEAD + "zoom: 2": "3: zoom: unknown key 'zoom' here, did you mean 'camera.zoom'?",
    HEAD + "zom: 2": "3: zom: unknown key 'zom' here, did you mean 'camera.zoom'?",
    HEAD
    + "transition: cut": "3: transition: unknown key 'transition' here, did you mean 'shots[].transition'?",
    CAMERA + "{zom: 1}": "3: camera.zom: unknown key 'zom', did you mean 'zoom'?",
    CAMERA + "{pan: {z: 1}}": "3: camera.pan.z: unknown key 'z', allowed x, y",
    HEAD + "output: {gif: {widht: 3}}": "3: output.gif.widht: unknown key 'widht', did you mean 'width'?",
    HEAD + "start: {icon: robbot}": "3: start.icon: there is no icon 'robbot', did you mean 'robot'",
    HEAD
    + "start: {icon: far twitter}": "3: start.icon: there is no regular icon 'twitter', did you mean fab",
    HEAD + "start: {icon: fal eye}": "3: start.icon: 'fal' is a style of Font Awesome Pro, free are fas, far",
    HEAD + "start: {icon: [eye]}": "3: start.icon: found a list, allowed an icon such as twitter",
    HEAD + "start: {icon: eye, text: a}": "3: start: found icon, text, allowed one of icon, text, shape",
    HEAD + "start: {icon: eye, colour: red}": "3: start.colour: unknown key 'colour', did you mean 'color'?",
    HEAD + "start: {icon: eye, color: reddish}": "3: start.color: found 'reddish', allowed a color such as",
    HEAD + "start: {icon: eye, opacity: 2}": "3: start.opacity: found '2', allowed a number from 0 to 1",
    HEAD
    + "start: {icon: eye, noise: 20%}": "3: start.noise: found '20%', allowed a number from 0 to 1, did you",
    HEAD + "start: {icon: eye, noise_colors: grey}": "3: start.noise_colors: found 'grey', allowed gray or",
    HEAD
    + "start: {icon: eye, align: middle}": "3: start.align: found 'middle', allowed center, left, right,",
    HEAD + "start: {icon: eye, scale: 0}": "3: start.scale: found '0', allowed a number from 0.01 to 1",
    HEAD + "start: {icon: eye, font: a.ttf}": "3: start.font: found a font, allowed beside a text only",
    HEAD + "start: {icon: eye, also_target: -1}": "3: start.also_target: found -1, allowed a number from 0",
    HEAD + "start: {color: red, also_target: 1}": "3: start.also_target: found also_target beside color",
    HEAD + "start: {color: red, also_targt: 1}": "unknown key 'also_targt', did you mean 'also_target'?",
    PROMPT + "inside: begin}]": "2: prompts[0].inside: found 'begin', allowed start, {icon: twitter}",
    PROMPT + "inside: start}]": "2: prompts[0].inside: found start, which is noise and has no shape, allowed",
    PROMPT + "inside: {icon: robbot}}]": "there is no icon 'robbot', did you mean 'robot'",
    PROMPT + "inside: {icon: eye, color: red}}]": "2: prompts[0].inside.color: found color, a mask has only",
    PROMPT + "inside: {image: ../b.png}}]": "2: prompts[0].inside.image: found '../b.png', it leads out of",
    PROMPT + "inside: {}}]": "2: prompts[0].inside: found no shape, allowed start",
    PROMPT
    + "inside: {icon: eye}, outside: {icon: eye}}]": "2: prompts[0]: found inside and outside, allowed",
    PROMPT + "mask: {icon: eye}}]": "2: prompts[0].mask: unknown key 'mask', allowed text, weight",
    HEAD + "start: {text: \u96ea}": "3: start.text: the font Aileron Regular lacks '\u96ea' (U+96EA)",
    HEAD + "start: {shape: ../a.svg}": "3: start.shape: found '../a.svg', it leads out of the scene's folder",
    CAMERA + "{depth: 3}": "3: camera.depth: 'depth' comes in a later version, not yet",
    HEAD + "guidance: {rate: 0}": "3: guidance.rate: found '0', allowed a number from 1 to 240, or a ratio",
    HEAD + "rate: 3": "3: rate: unknown key 'rate' here, did you mean 'guidance.rate'?",
    HEAD + "loop: yes": "3: loop: found 'yes', allowed true or false, did you mean true?",
    HEAD + "loop: true\nfreeze: 1s": "3: loop: found loop and freeze, allowed is one of them",
    HEAD + "repeat: 0": "3: repeat: found '0', allowed a whole number from 1 to 1000",
    HEAD + "freeze: -1s": "3: freeze: found '-1s', allowed a time above 0",
    HEAD
    + "freeze: 1s\nshots: [{name: a}]": "3: freeze: unknown key 'freeze' here, did you mean 'shots[].freeze'",
    HEAD
    + "shots: [{name: a, guidance: {rate: 3}}]": "3: shots[0].guidance.rate: found a rate in a shot, allowed",
    "duration: 2s\nprompts: [{image: ../b.png}]": "2: prompts[0].image: found '../b.png', it leads out of",
    "duration: 2s\nprompts: [{text: a, through: pixels}]": "2: prompts[0]: found through beside a text",
    HEAD + "guidance: {stay_near: near}": "3: guidance.stay_near: found 'near'",
    HEAD + "guidance: {stay_near: -1}": "3: guidance.stay_near: ",
    HEAD
    + "guidance: {stay_near: {to: begin}}": "3: guidance.stay_near.to: found 'begin', allowed previous or st",
    HEAD + "guidance: {stay_near: {in: pixel}}": "allowed latents, pixels or content, did you mean 'pixels'?",
    HEAD + "guidance: {stay_near: {wait: 1}}": "3: guidance.stay_near.wait: unknown key 'wait'",
    HEAD + "start: {color: red, fit: cover}": "3: start.fit: found fit without an image",
    # simple values
    "prompts: a": "1: duration: is missing, allowed a time above 0 such as 6s",
    "duration: none\nprompts: a": "1: duration: is missing",
    "duration: 0s\nprompts: a": "1: duration: found '0s', allowed a time above 0 such as 2s, 500ms or 36f",
    "duration: -2s\nprompts: a": "1: duration: found '-2s', allowed a time above 0",
    "duration: soon\nprompts: a": "1: duration: found 'soon', allowed a time above 0",
    "duration: 50%\nprompts: a": "1: duration: found '50%', allowed a time above 0",
    "duration: 8beats\nprompts: a": "1: duration: found '8beats', bars, beats and markers need",
    "duration: 1e8s\nprompts: a": "1: duration: found 100000000 s, which makes 1200000000 frames at 12 fps, "
    "allowed 100000 frames",
    "fps: 1\nduration: 90000s\nprompts: a": "2: duration: found 90000 s, allowed at most a day, 86400 s",
    "duration: 1ms\nprompts: a": "1: duration: found 0.001 s, which is less than one frame at 12 fps",
    HEAD
    + "vqanim: 2": "3: vqanim: found version 2 of the scene language, allowed 1, a newer vqanim may know it",
    HEAD + "fps: 0": "3: fps: found '0', allowed a number from 1 to 240, or a ratio such as 30000/1001",
    HEAD + "fps: 1/0": "3: fps: found '1/0', allowed a number from 1 to 240",
    HEAD + "fps: 2_4": "3: fps: found '2_4', allowed a number from 1 to 240, or a ratio such as 30000/1001, "
    "did you mean 24?",
    HEAD + "fps:": "3: fps: found nothing, allowed a number from 1 to 240",
    HEAD + "size: 256": "3: size: found '256', allowed [width, height], \"256x144\" or {aspect: ",
    HEAD + "size: [0, 48]": "3: size[0]: found '0', allowed sides from 1 to 4096 pixels",
    HEAD + "size: [64, 640000]": "3: size[1]: found '640000', allowed sides from 1 to 4096 pixels",
    HEAD + "size: {aspect: 16:9}": "3: size: found aspect, allowed two of width, height and aspect",
    HEAD + "size: {aspect: wide, width: 9}": "3: size.aspect: found 'wide', allowed a ratio such as \"16:9\"",
    HEAD + "size: {aspect: 1:100, width: 999}": "3: size.aspect: found '1:100', which makes 999x99900",
    HEAD + "seed: -1": "3: seed: found '-1', allowed a whole number from 0 to 9223372036854775807",
    HEAD + "seed: 1e3": "3: seed: found '1e3', allowed a whole number",
    PERCEPTOR
    + "[a, {name: b, wieght: 2}]}": "3: models.perceptor[1].wieght: unknown key 'wieght', did you mean",
    PERCEPTOR + "[{weight: 2}]}": "3: models.perceptor[0].name: is missing, allowed the name of a",
    PERCEPTOR + "[{name: a, weight: -1}]}": "3: models.perceptor[0].weight: found '-1', allowed a",
    PERCEPTOR + "{name: a, cutouts: 0}}": "3: models.perceptor.cutouts: found '0', allowed a whole number",
    HEAD + "models: {generator: 5%}": "3: models.generator: found '5%', allowed the name of a generator such",
    PERCEPTOR + "5%}": "3: models.perceptor: found '5%', allowed the name of a perceptor such as pocket",
    PERCEPTOR + "[]}": "3: models.perceptor: found 0 perceptors, allowed 1 to 8",
    PERCEPTOR + "[a, a, a, a, a, a, a, a, a]}": "3: models.perceptor: found 9 perceptors, allowed 1",
    PERCEPTOR + "[{name: a, weight: 0}]}": "3: models.perceptor: found no perceptor with a weight above 0",
    PERCEPTOR + "[[a]]}": "3: models.perceptor[0]: found a list, allowed a name, {name: ..., weight: ...}",
    HEAD
    + "models: ../evil": "3: models: found '../evil', allowed a name, or {generator: ..., perceptor: ...}",
    HEAD + "output: {crf: 60}": "3: output.crf: found '60', allowed a whole number from 0 to 51",
    HEAD + "title: [a]": "3: title: found a list, allowed a text of at most 200 characters",
    HEAD
    + "style: "
    + "x" * 1001: "3: style: found 1001 characters, allowed a text of at most 1000 characters",
    HEAD
    + "guidance: fast": "3: guidance: found 'fast', allowed a mapping of steps, first_steps, learning_rate",
    HEAD
    + "guidance: {cutouts: 1.5}": "3: guidance.cutouts: found '1.5', allowed a whole number from 1 to 256",
    # start
    HEAD + "start: black": "3: start: found 'black', allowed noise, {image: picture.png}, {color: navy}",
    HEAD
    + "start: {color: nay}": "3: start.color: found 'nay', allowed a color such as \"#334455\" (in quotes, "
    "because YAML takes # for a comment)",
    HEAD + "start: {gradient: [navy]}": "3: start.gradient: found 1 colors, allowed a list of 2 to 16 colors",
    HEAD + "start: {color: red, image: a.png}": "3: start: found color, image, allowed one of image, color",
    HEAD
    + "start: {image: /etc/passwd}": "3: start.image: found '/etc/passwd', allowed is a path that begins in",
    HEAD
    + "start: {image: 'C:\\x.png'}": "3: start.image: found 'C:\\\\x.png', allowed is a path that begins in",
    HEAD + "start: {image: ../a.png}": "3: start.image: found '../a.png', it leads out of the scene's folder",
    # prompts and stories
    "duration: 2s\nprompts: {0s: a, 1s: b}": "2: prompts: found a mapping, allowed a list of texts",
    "duration: 2s\nprompts: {0s: b, 1s: a}": "texts at times are written under `story:`",
    "duration: 2s\nprompts:\n - castle: 2": '3: prompts[0]: found castle: 2, did you mean "castle:2" in',
    "duration: 2s\nprompts: [{weight: 2}]": "2: prompts[0].text: is missing, allowed a text",
    "duration: 2s\nprompts: a |": "2: prompts: found 'a |', which has a part without a text",
    "duration: 2s\nprompts:\n - Alien: Covenant": 'found Alien: Covenant, did you mean "Alien: Cov',
    "duration: 2s\nprompts: {a castle: 2, fog: -1}": 'did you mean ["a castle:2", "fog:-1"]?',
    "duration: 2s\nprompts: a || b": "scenes are `shots`",
    "duration: 2s\nprompts: [[a]]": "2: prompts[0]: found a list, allowed a text or {text: ..., weight: ...}",
    HEAD + "story: {0s: b}": "3: story: found prompts and a story, allowed is one of them",
    "duration: 2s\nstory: {0s: a, 24f: b, 2s: c}": "2: story: found 24f and 2s, which are the same",
    "duration: 2s\nstory: {}": "2: story: found an empty mapping, allowed texts at times",
    "duration: 9s\nstory: {0s: a, 4s: b, 5s: c}\ncrossfade: 2s": "3: crossfade: found 2s, but two texts of "
    "the story are nearer to each other, allowed at most 1s",
    # curves
    CAMERA
    + "{zoom: 0}": "3: camera.zoom: found 0, allowed a number above 0 and up to 1000: zoom is a factor",
    CAMERA + "{zoom: {0s: 1, 1s: -2}}": "3: camera.zoom: at 1s: found -2, allowed a number above 0",
    CAMERA
    + "{zoom: NO}": "3: camera.zoom: found 'NO', allowed a number above 0 and up to 1000, keyframes such "
    "as {0s: 1, 2s: 1.5} or an expression of t",
    CAMERA + '{zoom: "1,5"}': "3: camera.zoom: found '1,5', allowed a number above 0",
    CAMERA + "{zoom: 50%}": "expression of t, did you mean 0.5?",
    CAMERA + "{rotate: .inf}": "expression of t, a finite number is needed",
    CAMERA + "{rotate: 0x10}": "expression of t, that is no number",
    CAMERA + "{rotate: [1, 2]}": "3: camera.rotate: found a list, allowed a number",
    CAMERA
    + "{pan: [1, 2]}": "3: camera.pan: found a list, allowed a mapping such as {x: 0.1, y: 0}: each of the",
    CAMERA + "{rotate: {}}": "3: camera.rotate: found an empty mapping, allowed a number",
    CAMERA
    + "{rotate: {0s: [1, stepp]}}": "3: camera.rotate: at 0s: found the easing 'stepp', allowed linear, "
    "step, ease-in, ease-out, ease-in-out, smooth, did you mean 'step'?",
    CAMERA + "{rotate: {0s: [1, step, 2]}}": "at 0s: found a list, allowed a number or [number, easing]",
    CAMERA + "{rotate: {soon: 1}}": "3: camera.rotate: found the key 'soon', allowed a time such as 2s",
    CAMERA + "{rotate: {bar 33: 1}}": "3: camera.rotate: found the key 'bar 33', bars, beats and markers",
    CAMERA + "{rotate: {-1s: 1}}": "3: camera.rotate: found the key '-1s', allowed a time from 0s up",
    CAMERA
    + "\n  rotate:\n    1s: 1\n    50%: 2": "6: camera.rotate: found 1s and 50%, which are the same moment "
    "(1 s), allowed is one value for it",
    CAMERA
    + "{rotate: sine(t)}": "3: camera.rotate: found 'sine(t)', which is no expression: unknown function "
    "'sine', did you mean 'sin'?",
    CAMERA
    + "{rotate: bass * 2}": "3: camera.rotate: found 'bass * 2', which is no expression: 'bass' is heard in",
    CAMERA + "{rotate: 1 / 0}": "3: camera.rotate: found '1 / 0': division by zero",
    CAMERA + "{rotate: 9**9**9**9}": "3: camera.rotate: found '9**9**9**9': not a finite number",
    CAMERA + "{zoom: 1 - 1}": "3: camera.zoom: found '1 - 1': found 0, allowed a number above 0",
    CAMERA + "{rotate: \"__import__('os')\"}": 'which is no expression: the character "\'" means nothing',
    CAMERA
    + "{border: refelct}": "3: camera.border: found 'refelct', allowed reflect, wrap, edge or a color in "
    "quotes such as \"#334455\", did you mean 'reflect'?",
    HEAD + "carry: {noise: 2}": "3: carry.noise: found 2, allowed a number from 0 to 1",
    HEAD
    + "carry: {border: wrap}\ncamera: {border: edge}": "3: carry.border: found a border under camera too",
    # shots
    HEAD + "shots: []": "3: shots: found an empty list, allowed a list of mappings with name and duration",
    HEAD + "shots: [a]": "3: shots[0]: found 'a', allowed a mapping with name and duration",
    HEAD + "shots: [{duration: 2s}]": "3: shots[0].name: is missing, allowed letters, digits, - and _",
    HEAD
    + "shots: [{name: a/b}]": "3: shots[0].name: found 'a/b', allowed letters, digits, - and _, at most 64",
    HEAD + "shots: [{name: Con}]": "3: shots[0].name: found 'Con', a name that Windows keeps to itself",
    HEAD + "shots: [{name: " + "x" * 65 + "}]": "allowed letters, digits, - and _, at most 64 of them",
    HEAD
    + "shots:\n- {name: Day, duration: 1s}\n- {name: day}": "5: shots[1].name: found 'day' twice, the first "
    "is in line 4: capitals make no difference",
    HEAD + "shots: [{name: a}, {name: b}]": "3: shots[1].duration: is missing, one shot may leave it out",
    "prompts: a\nshots: [{name: a}]": "2: shots[0].duration: is missing",
    HEAD
    + "shots: [{name: a, duration: 3s}]": "1: duration: found 2 s, but the shots add up to 3 s: leave it out",
    HEAD
    + "shots: [{name: a, duration: 3s}, {name: b}]": "3: shots[1]: the other shots take 3 s of the film's",
    HEAD
    + "shots: [{name: a, fps: 3}]": "3: shots[0].fps: unknown key 'fps' here, it belongs to the top level",
    HEAD + "kind: timelaps": "3: kind: found 'timelaps', allowed animation or timelapse, did you mean "
    "'timelapse'?",
    HEAD + "pace: linear": "3: pace: found a pace, only a shot with `kind: timelapse` has one",
    HEAD + "kind: timelapse\npace: 2": "4: pace: found '2', allowed even or linear",
    HEAD + "kind: timelapse\nshots: [{name: a}]": "3: kind: unknown key",
    HEAD + "kind: timelapse\nlead: 3f": "4: lead: found a lead, a timelapse has none",
    HEAD + "shots: [{name: a, lead: -3}]": "3: shots[0].lead: found '-3', allowed a time such as 6f",
    HEAD + "effects: 3": "3: effects: found '3', allowed a list such as [{flash: {1s: 1, 1.2s: 0}}",
    HEAD + "effects: [{flahs: 1}]": "3: effects[0].flahs: unknown effect 'flahs', did you mean 'flash'?",
    HEAD + "effects: [{zoom: 1}]": "3: effects[0].zoom: unknown effect 'zoom', allowed brightness, contrast",
    HEAD
    + "effects: [{flash: 2}]": "3: effects[0].flash: found 2, allowed a number from 0 to 1: flash is how",
    HEAD
    + "effects: [{hue: 1, flash: 1}]": "3: effects[0]: found hue, flash, allowed one effect in each entry",
    HEAD + "effects: [{flash: {color: red}}]": "3: effects[0].flash: amount is missing, allowed a number",
    HEAD
    + "effects: [{flash: {amount: 1, color: redd}}]": "3: effects[0].flash.color: found 'redd', allowed a",
    HEAD + "effects: [{blur: {amount: 0.1, color: red}}]": "3: effects[0].blur.color: unknown key 'color'",
    HEAD
    + "effects: [{strobe: {amount: 1, rate: 0}}]": "3: effects[0].strobe.rate: found '0', allowed a number "
    "from 0.01 to 120 (times per second)",
    HEAD + "hits: [{flash: 1}]": "3: hits[0]: on is missing, allowed the moments of the hit",
    HEAD + "hits: [{on: 1s, fade: 1s}]": "3: hits[0]: found no effect, allowed one or more of brightness",
    HEAD + "hits: [{on: beat, flash: 1}]": "3: hits[0].on: found the key 'beat', bars, beats and markers",
    HEAD
    + "hits: [{on: 1s, flash: {0s: 1}}]": "3: hits[0].flash: found a mapping, allowed a number from 0 to 1",
    HEAD
    + "shots: [{name: a, transition: cutt}]": "3: shots[0].transition: found 'cutt', allowed carry, cut, "
    "dissolve or {kind: dissolve, duration: 1s}, did you mean 'cut'?",
    HEAD
    + "shots: [{name: a, at: 1s}]": "3: shots[0].at: found 1s, the first shot begins the film, allowed 0s",
    SHOTS + "[{name: a, duration: 1s}, {name: b, at: 3s, duration: 1s}]": "2: shots[1].at: found 3s, "
    "but the shot before ends at 1 s, a gap of 2 s: leave out its duration, or this",
    SHOTS + "[{name: a, duration: 1s}, {name: b, at: 0.5s, duration: 1s}]": "2: shots[1].at: found "
    "0.5s, but the shot before ends at 1 s, an overlap of 0.5 s",
    SHOTS + "[{name: a, freeze: 1s}, {name: b, at: 0.5s, duration: 1s}]": "2: shots[1].at: found "
    "0.5s, but the shot before begins at 0 s and is held for 1 s, allowed a later time",
    SHOTS + "[{name: a, loop: true, freeze: 1s, duration: 1s}]": "2: shots[0].loop: found loop and freeze",
    HEAD
    + "shots: [{name: a, transition: {kind: cut, duration: 1s}}]": "3: shots[0].transition.duration: found a "
    "duration, a cut has none: it happens at once",
    HEAD
    + "shots: [{name: a, camera: {zoom: 0}}]": "3: shots[0].camera.zoom: found 0, allowed a number above 0",
}


@pytest.mark.parametrize(
    "text", MISTAKES, ids=lambda text: text.removeprefix(HEAD)[:30].encode("unicode_escape")
)
def test_mistake(text: str, tmp_path: Path) -> None:
    with pytest.raises(SceneError) as caught:
        load_scene_text(text, "scene.yaml", tmp_path)
    said = str(caught.value)
    assert said.startswith("scene.yaml:")
    assert MISTAKES[text] in said
    assert len(said.splitlines()) == 1, said
    assert len(said) < 400
    assert caught.value.exit_code == 2


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    text = """\
vqanim: 3
fps: fast
size: [0, 1]
prompts: [{text: a, weight: {x: 1}}, {txt: b}]
camera:
  zoom: 0
  rotate: sine(t)
carry: {noise: 7}
shots:
  - {name: a, camera: {pan: {x: oops()}}}
"""
    with pytest.raises(SceneError) as caught:
        load_scene_text(text)
    lines = [problem.place.line for problem in caught.value.problems]
    assert lines == sorted(lines)
    assert set(lines) == {1, 2, 3, 4, 6, 7, 8, 10}
    assert len(set(map(str, caught.value.problems))) == len(lines)


def test_a_mistake_that_shots_inherit_is_told_once() -> None:
    shots = "shots: [{name: a, duration: 1s}, {name: b, duration: 1s}]\n"
    with pytest.raises(SceneError) as caught:
        load_scene_text("prompts: a\ncamera: {zoom: 0}\n" + shots)
    assert len(caught.value.problems) == 1


def test_a_mistake_that_every_shot_replaces_is_told_all_the_same() -> None:
    shots = "shots: [{name: a, duration: 1s, camera: {zoom: 1}}]\n"
    with pytest.raises(SceneError, match=r"scene.yaml:2: camera.zoom: found 0"):
        load_scene_text("prompts: a\ncamera: {zoom: 0}\n" + shots)


def test_a_file_of_far_too_many_values_is_left_early() -> None:
    with pytest.raises(SceneError, match="more than 50000 values, which no scene needs"):
        load_scene_text("duration: 2s\nprompts: [" + "a," * 60_000 + "]")
    with pytest.raises(SceneError, match="there are 980 more unknown keys") as caught:
        load_scene_text(HEAD + "".join(f"key{number}: 1\n" for number in range(1000)))
    assert len(caught.value.problems) == 21


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "mordor.yaml").write_text(HEAD)
    with pytest.raises(SceneError, match="no such file, did you mean .*mordor.yaml") as caught:
        load_scene(tmp_path / "mordr.yaml")
    assert caught.value.exit_code == 3
    with pytest.raises(SceneError, match="not a file"):
        load_scene(tmp_path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_bytes(b"title: Mordor\nstyle: \xff\xfe")
    with pytest.raises(SceneError, match=r"scene.yaml:2: found the byte 0xff, allowed is text in UTF-8"):
        load_scene(path)
    path.write_bytes(b"# " + b"x" * 1_000_000)
    with pytest.raises(SceneError, match="larger than 1000 kB"):
        load_scene(path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "the picture 'start.png' is missing"),
        (b"", "the picture 'start.png' is no readable picture, allowed are PNG, JPEG"),
        (b"\x89PNG\r\n\x1a\n" + b"not a picture" * 9, "is no readable picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no readable picture"),
    ],
)
def test_a_missing_or_broken_picture_is_a_matter_of_files(
    data: bytes | None, said: str, tmp_path: Path
) -> None:
    if data is not None:
        (tmp_path / "start.png").write_bytes(data)
    text = HEAD + "start: {image: start.png}"
    with pytest.raises(SceneError, match=said) as caught:
        load_scene_text(text, folder=tmp_path)
    assert caught.value.exit_code == 3
    with pytest.raises(SceneError) as caught:
        load_scene_text(text + "\nseed: x", folder=tmp_path)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("{shape: none.svg}", "start.shape: 'none.svg': the shape is missing"),
        ("{shape: text.svg}", "start.shape: 'text.svg': this is no SVG"),
        ("{shape: empty.png}", "start.shape: 'empty.png': nothing can be seen of it"),
        ("{text: A, font: text.svg}", "start.font: 'text.svg': the font is no font that can be drawn"),
        ("{text: A, font: none.ttf}", "start.font: 'none.ttf': the font is missing"),
    ],
)
def test_figures_that_cannot_be_drawn_are_found_before_rendering(
    start: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "text.svg").write_text("<nothing>")
    Image.new("RGB", (9, 9), "red").save(tmp_path / "empty.png")
    with pytest.raises(SceneError) as caught:
        load_scene_text(HEAD + f"start: {start}", folder=tmp_path)
    assert caught.value.exit_code == 3
    assert said in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_truncated_picture_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "start.jpg"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(SceneError, match="is no readable picture"):
        load_scene_text(HEAD + "start: {image: start.jpg}", folder=tmp_path)


def test_a_decompression_bomb_is_not_opened(tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "start.png")
    with pytest.raises(SceneError, match="is no readable picture|megapixels"):
        load_scene_text(HEAD + "start: {image: start.png}", folder=tmp_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    (tmp_path / "inside" / "start.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(SceneError, match="leads out of the scene's folder"):
        load_scene_text(HEAD + "start: {image: start.png}", folder=tmp_path / "inside")


def test_files_elsewhere_are_for_those_who_allow_them(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    picture = tmp_path / "other.png"
    Image.new("RGB", (8, 8)).save(picture)
    for written in ("../other.png", str(picture)):
        text = HEAD + f"start: {{image: {written}}}"
        with pytest.raises(SceneError, match="others only with --allow-outside"):
            load_scene_text(text, folder=tmp_path / "inside")
        scene = load_scene_text(text, folder=tmp_path / "inside", allow_outside=True)
        assert scene.shots[0].start.image == str(picture)


def test_a_file_name_of_any_length_is_only_missing(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="is missing") as caught:
        load_scene_text(HEAD + "start: {image: " + "x" * 5000 + "}", folder=tmp_path)
    assert len(str(caught.value)) < 200


def test_a_missing_start_is_one_mistake_whatever_depends_on_it(tmp_path: Path) -> None:
    text = "duration: 2s\nprompts: [{text: a, inside: start}]\nstart: {image: nope.png}"
    for shots in ("", "\nshots: [{name: a}, {name: b, duration: 1s}]"):
        with pytest.raises(SceneError) as caught:
            load_scene_text(text + shots, folder=tmp_path)
        assert [str(problem) for problem in caught.value.problems] == [
            "scene.yaml:3: start.image: the picture 'nope.png' is missing"
        ]
