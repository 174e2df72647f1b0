"""The folder of a long training: whose it is, what it appends, and that it goes in the end."""

import errno
import re
from contextlib import suppress

import numpy as np
import pytest

from trifuse.classifiers.output import OutputError
from trifuse.training.networks import work_folder
from trifuse.training.networks.work_folder import ABOUT, check_work, grow_array, working_in

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "m.trifuse.work"


class StoppedError(Exception):
    pass


def leave(folder, fingerprint="a" * 64, overwrite=False, name="kept"):
    """Work in the folder, leave a file there, and stop."""
    with suppress(StoppedError), working_in(folder, fingerprint, overwrite):
        (folder / name).touch()
        raise StoppedError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_it_stays_until_all_is_well(folder):
    leave(folder)
    leave(folder, name="more")
    assert names(folder) == sorted([ABOUT, "kept", "more"])
    check_work(folder)
    with working_in(folder, "a" * 64, overwrite=False) as inside:
        assert inside == folder
    assert not folder.exists()


def test_it_stays_on_request(folder):
    with working_in(folder, "a" * 64, overwrite=False, keep=True):
        (folder / "kept").touch()
    assert names(folder) == ["kept", ABOUT]


def test_another_training_is_told_of_and_begins_anew_on_request(folder):
    leave(folder)
    sentence = (
        f"{folder} is of a training on other images or by another recipe; name another output, "
        "or say --overwrite to begin anew."
    )
    with (
        pytest.raises(OutputError, match=f"^{re.escape(sentence)}$"),
        working_in(folder, "b" * 64, overwrite=False),
    ):
        pass
    assert names(folder) == ["kept", ABOUT]
    leave(folder, overwrite=True, name="more")  # of the same one, which goes on
    assert names(folder) == ["kept", "more", ABOUT]
    leave(folder, "b" * 64, overwrite=True, name="new")
    assert names(folder) == ["new", ABOUT]


def test_two_at_a_time_are_one_too_many(folder):
    with working_in(folder, "a" * 64, overwrite=False):
        sentence = f"^{folder} is worked in by another training; wait for it, or name another out"
        with pytest.raises(OutputError, match=sentence), working_in(folder, "a" * 64, True):
            pass


def test_what_is_not_ours_is_left_alone(tmp_path):
    file, full, link = tmp_path / "file", tmp_path / "full", tmp_path / "link"
    file.touch()
    full.mkdir()
    (full / "precious").touch()
    link.symlink_to(tmp_path / "nowhere")
    for path in (file, full, link):
        with pytest.raises(OutputError, match=f"^{path} is there and is no folder of a training; "):
            check_work(path)
        with pytest.raises(OutputError), working_in(path, "a" * 64, overwrite=True):
            pass
    assert names(full) == ["precious"]
    check_work(tmp_path / "none")
    (tmp_path / "empty").mkdir()  # killed in the moment that it was made
    check_work(tmp_path / "empty")


@pytest.mark.parametrize("there", [0, 1, 12, 13, 47, 48, 60])
def test_an_array_grows_from_what_is_whole(tmp_path, there):
    path, asked = tmp_path / "array", []
    path.write_bytes((ROWS.tobytes() + b"\xff" * 12)[:there])

    def rows(done):
        asked.append(done)
        return iter(ROWS[done:].astype(float))

    found = grow_array(path, (4, 3), np.float32, rows)
    np.testing.assert_array_equal(found, ROWS, strict=True)
    assert asked == ([there // 12] if there < 48 else [])
    assert path.stat().st_size == 48


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    path = tmp_path / "array"

    def no_room(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(work_folder.os, "fsync", no_room)
    with pytest.raises(OutputError, match=f"^{path} cannot be written: No space left on device.$"):
        grow_array(path, (4, 3), np.float32, lambda done: ROWS[done:])


def test_errors_of_the_rows_are_their_own(tmp_path):
    def rows(done):
        yield ROWS[0]
        raise FileNotFoundError(errno.ENOENT, "no image", "a.jpg")

    with pytest.raises(FileNotFoundError):
        grow_array(tmp_path / "array", (4, 3), np.float32, rows)
    assert (tmp_path / "array").read_bytes() == ROWS[0].tobytes()
