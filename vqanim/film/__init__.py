"""The edit: takes to the pictures of the film, and those to MP4, GIF and poster. No torch."""

from vqanim.film.make import FilmDone, make_film

__all__ = ["FilmDone", "make_film"]
