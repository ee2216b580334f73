"""The edit: takes to the pictures of the film, and those to MP4, GIF and poster. No torch."""
