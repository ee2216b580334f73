"""Whether what came is the kind of file that was wanted, as far as that can be seen without torch.

A file with a published SHA-256 needs none of this; one without must not be pinned when it is an error page or
was cut short.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from vqanim.files import open_file, read_bytes
from vqanim.models.clip_files.config import parse_clip_config
from vqanim.models.entries import head_fault, is_safetensors_head
from vqanim.models.families.biggan import CONFIG_MARK, BigGANConfig
from vqanim.models.families.vqgan import VQGANConfig
from vqanim.own_files import Damaged, parse_json
from vqanim.own_files import find_fault as schema_fault

MAX_HEADER = 10_000_000
"""Bytes of a safetensors file's header; that of the largest models has some hundred thousand."""

CONFIGS: Mapping[bytes, Callable[[bytes], object]] = {
    b"vision_c": parse_clip_config,
    CONFIG_MARK: BigGANConfig.from_bytes,
}
"""Readers of configs by what stands in those of one family only; others are those of VQGANs."""


def find_fault(path: Path, role: str) -> str | None:
    """What is wrong with a file of a role, in words; None when nothing is seen.

    Files of all roles but `config` hold weights.

    Raises OSError.
    """
    with open_file(path) as file:
        head = file.read(512)
    if fault := head_fault(head):
        return fault
    if role == "config":
        content = read_bytes(path)
        parse = next((parse for mark, parse in CONFIGS.items() if mark in content), VQGANConfig.from_bytes)
        try:
            parse(content)
        except ValueError as error:
            return f"this config cannot be used: {error}"
        return None
    if head.startswith(b"PK\x03\x04"):
        try:
            with open_file(path) as file:
                return None if zipfile.is_zipfile(file) else "it is cut short"
        except zipfile.BadZipFile as error:  # which only some damage at the end raises
            return f"it is damaged ({error})"
    if head.startswith(b"\x80") and not is_safetensors_head(head):
        return None
    length = int.from_bytes(head[:8], "little")
    if head[8:9] != b"{" or length > MAX_HEADER:
        return "it is no checkpoint, but something else"
    try:  # a safetensors file says in its header how long it is
        with open_file(path) as file:
            file.seek(8)
            header = parse_json(file.read(length), {str: object}, length)
        named = {name: about for name, about in header.items() if name != "__metadata__"}
        if schema_fault(named, {str: {"data_offsets": [int]}}):
            raise Damaged("names no offsets")
        whole = (
            8 + length + max((max(about["data_offsets"], default=0) for about in named.values()), default=0)
        )
    except Damaged:
        return "it is cut short, or no checkpoint"
    return None if path.stat().st_size == whole else "it is cut short"
