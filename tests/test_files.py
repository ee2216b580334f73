from __future__ import annotations

from pathlib import Path

import pytest

from vqanim.errors import OutputError
from vqanim.files import make_folder, remove_temporary, staged, write_atomic


def test_texts_are_utf8_and_bytes_are_bytes(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", "Fluß\n")
    assert (tmp_path / "a").read_bytes() == "Fluß\n".encode()
    write_atomic(tmp_path / "a", b"\x00\r\n")
    assert (tmp_path / "a").read_bytes() == b"\x00\r\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_error_inside_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    def stop_halfway() -> None:
        with staged(tmp_path / "a") as temporary:
            temporary.write_text("half")
            assert (tmp_path / "a").read_text() == "old"
            raise KeyboardInterrupt

    write_atomic(tmp_path / "a", "old")
    with pytest.raises(KeyboardInterrupt):
        stop_halfway()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_block_that_writes_nothing_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="a: cannot be written"), staged(tmp_path / "a"):
        pass


def test_only_our_own_temporary_files_are_removed(tmp_path: Path) -> None:
    with staged(tmp_path / "a") as temporary:
        ours = temporary.name
        temporary.write_text("")
    (tmp_path / "a").unlink()
    names = [".hidden", "a.tmp", "b", ".c.tmp"]
    for name in [*names, ours]:
        (tmp_path / name).write_text("")
    remove_temporary(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    remove_temporary(tmp_path / "nowhere")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="move (it|that file) or choose another folder"):
            make_folder(folder)
    with pytest.raises(OutputError, match="file is where a folder should be|part of this path is a file"):
        write_atomic(tmp_path / "file" / "a", "")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(OutputError, match="a folder is where a file should be"):
        write_atomic(tmp_path / "a", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
