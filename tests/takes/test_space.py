from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from vqanim.errors import OutputError
from vqanim.takes.store import check_space


def test_a_film_that_cannot_fit_is_refused_before_it_begins(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    most = free // (1000 * 1000 * 3)
    check_space(tmp_path, most // 2, 1000, 1000)
    with pytest.raises(OutputError, match=r"frames of 1000x1000 pixels need about .* GB and .* GB are free"):
        check_space(tmp_path, most * 2, 1000, 1000)


def test_a_finished_film_needs_no_space(tmp_path: Path) -> None:
    check_space(tmp_path, 0, 4096, 4096)
