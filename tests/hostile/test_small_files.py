"""Small files that would take minutes or gigabytes: each is answered in time, in one message."""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.limits import assert_calm, assert_refused, doubling, run_limited
from vqanim.errors import DeviceError, SceneError, VqanimError, lacks_memory
from vqanim.importers import import_settings
from vqanim.models.catalogue import read_catalogue_file
from vqanim.models.config_file import ConfigError, read_config
from vqanim.scene.loader import load_scene_text

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measures by /proc")

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
BOX = '<rect width="100" height="100"/>'
WHITE = '<rect width="100" height="100" fill="white"/>'
LAYERS = f'<mask id="m0">{WHITE}</mask>' + "".join(
    f'<mask id="m{n}" mask="url(#m{n - 1})">{WHITE}</mask>' for n in range(1, 90)
)
DEFAULTS = "a CDATA 'x' " * 9
OPEN, CLOSE = '<g opacity="0.5">' * 95, "</g>" * 95
RULES = "".join(f".a{n} .b *{{fill:red}}" for n in range(20_000))
STRANGE = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="@">'.replace("@", "u" * 10**6)
DRAWINGS = {
    "attributes by default": f"<!DOCTYPE svg [<!ATTLIST rect {DEFAULTS}>]>{SVG}{BOX}</svg>",
    "masks in masks": f'{SVG}{LAYERS}<rect width="99" height="99" mask="url(#m89)"/></svg>',
    "layers": f"{SVG}{OPEN}{BOX * 2}{CLOSE}</svg>",
    "selectors": f"{SVG}<style>{RULES}</style>{BOX * 9000}</svg>",
    "a namespace": f"{STRANGE}{'<x:a/>' * 9000}</svg>",
    "references": f"{SVG}<style>{'url(' * 500_000}</style></svg>",
    "empty elements": f"{SVG}{'<a/>' * 200_000}</svg>",
}


def _wav(rate: int, channels: int) -> bytes:
    data = bytes(range(256)) * 2400
    form = struct.pack("<HHIIHH", 1, channels, rate, (rate * channels) & 0xFFFFFFFF, channels & 0xFFFF, 8)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


SLOW_CAF = b"caff\0\1\0\0desc" + struct.pack(">Qd", 32, 1.0) + b"lpcm" + struct.pack(">IIIII", 0, 1, 1, 1, 8)
SLOW_CAF += b"data" + struct.pack(">q", -1) + bytes(600_000)
SONGS = {
    "an odd rate": _wav(999_983, 1),
    "a rate without end": _wav(2**32 - 1, 1),
    "many channels": _wav(44_100, 65_535),
    "one sample a second": SLOW_CAF,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWINGS)
def test_a_small_drawing_takes_little(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.svg").write_text(DRAWINGS[name])
    assert_refused(run_limited("icon", "--shape", "x.svg", "--size", "1024", "--out", "y.png", cwd=tmp_path))
    assert not (tmp_path / "y.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", SONGS)
def test_a_small_song_takes_little(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(SONGS[name])
    assert_refused(run_limited("listen", "x.wav", cwd=tmp_path))


def test_a_drawing_of_too_many_layers_is_ended(tmp_path: Path) -> None:
    (tmp_path / "x.svg").write_text(DRAWINGS["layers"])
    assert_refused(run_limited("icon", "--shape", "x.svg", "--size", "1024", "--out", "y.png", cwd=tmp_path))


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of something that may be refused."""
    began = time.process_time()
    try:
        work()
    except VqanimError:
        pass
    return time.process_time() - began


@pytest.mark.parametrize("unit", ["a-", "(a:", "--neg ", "1:02", " "])
@pytest.mark.parametrize(
    "field", ["duration: {}", "prompts: [{}]", "camera: {{zoom: {}}}", "start: {{icon: {}}}"]
)
def test_a_long_value_of_a_scene_takes_no_time(field: str, unit: str) -> None:
    text = field.format(f'"x{unit * 20_000}"')
    given = "".join(line for line in ("duration: 1s\n", "prompts: x\n") if line[:4] != text[:4])
    with pytest.raises(SceneError):
        load_scene_text(f"{given}{text}\n")
    assert cpu_seconds(lambda: load_scene_text(f"{given}{text}\n")) < 1


DEFORUM = (
    '{"W": 512, "H": 512, "animation_mode": "2D", "max_frames": 9, "translation_z": "0:(0)", '
    '"prompts": {"0": "@"}}'
)
NOTEBOOK = '@\nkey_frames = True #@param\nangle = "0:(1)" #@param\nmax_frames = 9 #@param\n'
REPEATED = {
    "networks": (DEFORUM, "<a:"),
    "negatives": (DEFORUM, "--neg "),
    "lines of a script": ("#!/bin/bash\n@\npython generate.py -p 'a'\n", "\n"),
    "lines of a notebook": (NOTEBOOK, "\n"),
    "comments": ("@", "//"),
    "addresses": (
        "scenes: '@'\nimage_model: VQGAN\nanimation_mode: 2D\ntranslate_x: '0'\nsteps_per_scene: 9\n",
        "a-",
    ),
}


@pytest.mark.parametrize("name", REPEATED)
def test_settings_twice_as_long_take_twice_as_long(name: str, tmp_path: Path) -> None:
    template, unit = REPEATED[name]
    costs = []
    for size in (50_000, 100_000, 200_000):
        (tmp_path / "x.txt").write_text(template.replace("@", unit * (size // len(unit))))
        costs.append(cpu_seconds(lambda: import_settings(str(tmp_path / "x.txt"), tmp_path)))
    assert doubling(costs) < 3, costs
    assert costs[-1] < 2, costs


BOMB = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]\n" for n in range(1, 12)
)


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="more than"):
        read_config(BOMB.encode())
    (tmp_path / "c.yaml").write_text(BOMB)
    with pytest.raises(VqanimError, match="more than"):
        read_catalogue_file(tmp_path / "c.yaml")


@pytest.mark.parametrize("number", ["9" * 100_000, "1" + ":59" * 30_000, "1e" + "9" * 50_000])
def test_numbers_without_end_are_refused(number: str) -> None:
    content = f"rate: {number}".encode()
    began = time.process_time()
    with pytest.raises(ConfigError):
        read_config(content)
    assert time.process_time() - began < 1


def test_prompts_times_frames_have_a_limit(tmp_path: Path) -> None:
    shots = "".join(f"  - {{name: s{n}, duration: 8s}}\n" for n in range(1000))
    prompts = ", ".join(f"a{n}" for n in range(60))
    (tmp_path / "x.yaml").write_text(f"fps: 12\nprompts: [{prompts}]\nshots:\n{shots}")
    assert_refused(run_limited("check", "x.yaml", cwd=tmp_path), codes=(2,))


def test_too_little_memory_is_told_as_that() -> None:
    from_system = ImportError("libtorch_cpu.so: failed to map segment from shared object")
    assert lacks_memory(from_system)
    assert lacks_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"))
    assert not lacks_memory(ValueError("out of range"))
    assert DeviceError.exit_code == 4


@pytest.mark.slow
def test_too_little_memory_for_torch_ends_a_render(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("duration: 0.2s\nprompts: a lake\nsize: 64x48\n")
    shell = f"ulimit -v 1500000; exec {sys.executable} -m vqanim render x.yaml"
    ended = run_limited(cwd=tmp_path, seconds=20, megabytes=2000, program=["sh", "-c", shell])
    assert_calm(ended, 20, 2000)
    assert ended.code == DeviceError.exit_code
