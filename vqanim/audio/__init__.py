"""Soundtracks as plain data: their beats, sections and signals over time. No torch.

open_song("song.mp3") -> Song, or InputError with what is wrong with the file
hear_beats(song) -> tempo, beats and sections; hear_signal(song, spec) -> a number over time
"""
