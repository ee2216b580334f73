"""Listening on behalf of a scene: what it asks for, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vqanim.audio.hear import Listener
from vqanim.audio.spectrum import RATE
from vqanim.scene.model import Scene
from vqanim.scene.sound import BEAT, Signal
from vqanim.scene.soundtrack import Heard


@dataclass(frozen=True)
class SceneEar:
    """Listens to the songs of a scene; implements vqanim.scene.soundtrack.Ear."""

    remembered: Mapping[tuple[str, int], Heard] = field(default_factory=dict)
    """Beats that are known, by the first 16 digits of the SHA-256 of the song and the meter."""
    _listeners: dict[str, Listener] = field(default_factory=dict)

    def seconds(self, file: str) -> float:
        """How long a sound file is. Raises BadSong."""
        return self.listener(file).song.seconds

    def beats(self, file: str, meter: int, bpm: float | None) -> Heard:
        """The beats of a song: those that are remembered, or those that are heard. Raises BadSong."""
        listener = self.listener(file)
        if bpm is None and (known := self.remembered.get((listener.kept.digest[:16], meter))):
            return known
        found = listener.beats(meter, bpm)
        return Heard(found.beats, found.first_beat, found.confidence)

    def signals(self, scene: Scene) -> dict[str, Signal]:
        """Every signal that a scene names, on the time of its film. Raises BadSong."""
        track = scene.soundtrack
        if track is None:
            return {}
        files = {"": track.file, **{stem.name: stem.file for stem in scene.stems}}
        own = dict(scene.bands)
        found = {}
        for name in sorted(scene.heard - {BEAT}):
            stem, _, signal = name.rpartition(".")
            values = self.listener(files[stem]).signal(signal, own.get(signal))
            found[name] = Signal(RATE, values, -track.start)
        return found

    def listener(self, file: str) -> Listener:
        """Who listens to a file. Raises BadSong."""
        if file not in self._listeners:
            self._listeners[file] = Listener.of(Path(file))
        return self._listeners[file]
