"""The ffmpeg that comes with imageio-ffmpeg."""

from __future__ import annotations

from vqanim.errors import OutputError

LOCAL = ("-protocol_whitelist", "file,pipe")
"""Before an input: nothing in it may make ffmpeg open anything but files."""
QUIET = ("-hide_banner", "-loglevel", "error", "-y")


def executable() -> str:
    """Path of the ffmpeg binary. Raises OutputError when there is none for this machine."""
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise OutputError(
            "no ffmpeg for this machine: install one and put its path into IMAGEIO_FFMPEG_EXE"
        ) from error
