"""Pictures of every common kind, read with limits, upright and in sRGB.

Pillow is imported where a picture is read, because checking a scene needs this module and no pictures.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from vqanim import color_spaces
from vqanim.errors import InputError
from vqanim.files import no_file, open_file, warnings_off

if TYPE_CHECKING:
    from PIL import Image, ImageCms

Picture: TypeAlias = npt.NDArray[np.uint8]  # uint8 [H, W, 3], sRGB

MAX_PIXELS = 100_000_000
"""Largest picture that is read: as many as good cameras make. A few kilobytes of PNG can claim gigabytes."""
_STRIP = 256  # rows
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)  # of EXIF
_MOST = f"allowed are {MAX_PIXELS // 10**6} megapixels"
_DEEP = "has 32 bits a channel, allowed are 8 or 16: save it with fewer"
PICTURE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "ICO", "JPEG2000", "AVIF", "HEIF")
"""Only these decoders are given a file: some others of Pillow's run programs."""
_ROUNDING = 4
"""Of 255, by which profiles of sRGB differ from each other."""
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIF"
)
"""What stands at bytes 8 to 12 of the pictures that lie in the container of MP4."""
_HOW_TO_READ = {
    "AVIF": "is AVIF, for which Pillow 11.3 or later is needed: pip install --upgrade pillow",
    "HEIF": "is HEIC, for which a decoder is needed: pip install 'vqanim[heic]', or save it as JPEG or PNG",
}


class BadPicture(InputError):
    """A picture that cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        self.reason = reason  # as it goes on after "the picture"
        super().__init__(f"{path}: the picture {reason}")


def read_picture(path: Path, background: tuple[int, int, int] = (255, 255, 255)) -> Picture:
    """Read a picture of any common kind, upright, as uint8 [H, W, 3]; of several in one file the first.

    What is transparent lies on `background`, sRGB 0..255.
    Raises BadPicture when the file is missing, broken, cut short, or has more than MAX_PIXELS pixels.
    """
    from PIL import Image

    with _decoding(path) as image:
        plain = _plain(image, path)
        if plain.mode == "RGBA":
            plain = Image.alpha_composite(Image.new("RGBA", plain.size, background), plain).convert("RGB")
        return _array(plain)


def read_layer(path: Path) -> npt.NDArray[np.uint8]:
    """The same with its transparency, uint8 [H, W, 4]; the last channel is 0 where all shines through."""
    with _decoding(path) as image:
        plain = _plain(image, path)
        return _array(plain if plain.mode == "RGBA" else plain.convert("RGBA"))


def _array(image: Image.Image) -> npt.NDArray[np.uint8]:
    """The pixels, strip by strip: Pillow would hold a large picture three times while it hands it over."""
    whole = np.empty((image.height, image.width, len(image.getbands())), np.uint8)
    for top in range(0, image.height, _STRIP):
        below = min(top + _STRIP, image.height)
        whole[top:below] = np.asarray(image.crop((0, top, image.width, below)))
    return whole


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture, upright, in pixels. Raises BadPicture."""
    with _loaded(path) as image:
        turned = image.getexif().get(_ORIENTATION, 1) in _SIDEWAYS
        return (image.height, image.width) if turned else image.size


def picture_trouble(path: Path) -> str | None:
    """Why a picture cannot be used, as it goes on after "the picture", or None when it can."""
    try:
        with _decoding(path) as image:
            _plain(image, path)
    except BadPicture as error:
        return error.reason
    return None


@contextmanager
def _decoding(path: Path) -> Iterator[Image.Image]:
    """A decoded picture, upright. Whatever goes wrong, inside the block too, becomes a BadPicture."""
    from PIL import ImageOps

    with _loaded(path) as image:
        ImageOps.exif_transpose(image, in_place=True)
        yield image


@contextmanager
def _loaded(path: Path) -> Iterator[Image.Image]:
    if wrong := no_file(path):
        raise BadPicture(path, wrong)
    _prepare_decoder(path)
    with _complaining(path):
        with _opened(path) as image:
            image.verify()  # the checksums, which decoding alone does not look at
        with _opened(path) as image:
            image.load()
            _check_size(image, path)  # an icon says its size only now
            yield image


def read_texts(path: Path) -> dict[str, str]:
    """The texts in a PNG by name, which Pillow limits; they say nothing of its pixels, which are not decoded.
    Raises BadPicture."""
    if wrong := no_file(path):
        raise BadPicture(path, wrong)
    with _complaining(path), _opened(path, ("PNG",)) as image:
        return {str(name): str(text) for name, text in image.info.items() if isinstance(text, str)}


@contextmanager
def _opened(path: Path, formats: Sequence[str] = PICTURE_FORMATS) -> Iterator[Image.Image]:
    """A picture of which only the head was read, and which is not too large."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # ours is the limit
    with open_file(path) as file, Image.open(file, formats=tuple(formats)) as image:
        _check_size(image, path)
        yield image


def _check_size(image: Image.Image, path: Path) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise BadPicture(path, f"has {image.width}x{image.height} pixels, {_MOST}")
    if min(image.size) < 1:
        raise BadPicture(path, f"has {image.width}x{image.height} pixels, which is none")
    if image.mode == "F":
        raise BadPicture(path, _DEEP)


@contextmanager
def _complaining(path: Path) -> Iterator[None]:
    """Whatever goes wrong inside with a picture becomes a BadPicture."""
    try:
        with warnings_off():  # of odd tags that change nothing
            yield
    except BadPicture:
        raise
    except PermissionError as error:
        raise BadPicture(path, "cannot be read: permission denied") from error
    except MemoryError as error:
        raise BadPicture(path, "needs more memory than there is; make it smaller") from error
    except Exception as error:  # Pillow raises nearly anything on broken files, each kind of file its own
        reason = f"is no readable picture, allowed are {', '.join(PICTURE_FORMATS)}"
        raise BadPicture(path, reason) from error


def _prepare_decoder(path: Path) -> None:
    """See that Pillow can read what this says it is. Raises BadPicture with what to install."""
    from PIL import Image

    head = b""
    with suppress(OSError), open_file(path) as file:  # what cannot be read is told where it is decoded
        head = file.read(12)
    kind = _BRANDS.get(head[8:12]) if head[4:8] == b"ftyp" else None
    if kind is None:
        return
    Image.init()
    if kind == "HEIF" and kind not in Image.OPEN:
        with suppress(ImportError):
            from pillow_heif import register_heif_opener

            register_heif_opener(thumbnails=False)
    if kind not in Image.OPEN:
        raise BadPicture(path, _HOW_TO_READ[kind])


def _plain(image: Image.Image, path: Path) -> Image.Image:
    """Any mode to RGB, or to RGBA where something is transparent. Raises BadPicture."""
    from PIL import Image

    profile = _profile(image, path)
    if image.mode != "F" and not image.mode.startswith("I"):
        colored = _in_srgb(image, profile)
        mode = "RGBA" if colored.has_transparency_data else "RGB"
        return colored if colored.mode == mode else colored.convert(mode)
    pixels = np.asarray(image)
    if image.mode == "F" or pixels.min() < 0 or pixels.max() >= 1 << 16:
        raise BadPicture(path, _DEEP)
    # 16 bits a channel, which Pillow would clip instead of scaling
    gray = (pixels >> 8).astype(np.uint8)
    ramp = _in_srgb(Image.fromarray(np.arange(256, dtype=np.uint8)[None]), profile).convert("L")
    if (shown := np.asarray(ramp)[0].astype(np.float32)).tolist() != list(range(256)):
        bright = np.interp(np.arange(1 << 16) / 257, np.arange(256), shown)
        gray = np.round(bright).astype(np.uint8)[pixels]
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return Image.fromarray(gray).convert("RGB")
    alpha = np.where(pixels == clear, 0, 255).astype(np.uint8)
    return Image.fromarray(np.stack([gray, gray, gray, alpha], axis=-1))


def _profile(image: Image.Image, path: Path) -> bytes | None:
    """The ICC profile of a picture, or one that says what else it tells of its colors."""
    head = b""
    with suppress(OSError), open_file(path) as file:
        head = file.read(color_spaces.HEAD)
    content = image.info.get("icc_profile") or None
    if content and not head.startswith(b"\x89PNG"):
        return bytes(content)
    return color_spaces.named_profile(head, dict(image.info)) or content


def _in_srgb(image: Image.Image, content: bytes | None) -> Image.Image:
    """The picture with the colors that its profile means; as it is where it has none, or a damaged one."""
    from PIL import Image, ImageCms

    if not content:
        return image
    with suppress(ImageCms.PyCMSError, OSError, KeyError, ValueError, TypeError):
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        mode = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}[profile.profile.xcolor_space.strip()]
        if (mode == "CMYK") != (image.mode == "CMYK"):
            return image
        transform = ImageCms.buildTransform(
            profile,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if mode != "CMYK" and _changes_nothing(transform, mode):
            return image
        opacity = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
        converted = ImageCms.applyTransform(image.convert(mode), transform)
        if isinstance(converted, Image.Image):
            if opacity is not None:
                converted.putalpha(opacity)
            return converted
    return image


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a transform leaves colors as they are, but for rounding: its profile is one of sRGB. Their
    names do not tell, as a linear sRGB is called sRGB, too."""
    from PIL import Image, ImageCms

    steps = np.arange(0, 256, 17, dtype=np.uint8)
    colors = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    source = Image.fromarray(colors).convert(mode)
    found = ImageCms.applyTransform(source, transform)
    wanted = np.asarray(source.convert("RGB"), np.int16)
    return found is not None and int(np.abs(np.asarray(found, np.int16) - wanted).max()) <= _ROUNDING
