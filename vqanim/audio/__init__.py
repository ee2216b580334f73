"""Soundtracks as plain data: their beats, sections and signals over time. No torch.

SongAnalysis.of(Path("song.mp3")), or InputError with what is wrong with the file
    .beats() -> tempo, beats and sections; .signal("bass") -> a number over time
"""
