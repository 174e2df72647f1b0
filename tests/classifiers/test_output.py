"""Output files are checked early, and appear whole or not at all."""

import os
import re

import pytest

from trifuse.classifiers.output import OutputError, check_output, make_folder, open_output


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "out"
    with open_output(path) as file:
        file.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_keeps_what_was_there(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), open_output(path) as file:
        file.write(b"half%d" % (1 // 0))
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    message = rf"^{tmp_path}/out cannot be written: No space left on device\.$"
    with pytest.raises(OutputError, match=message), open_output(tmp_path / "out") as file:
        file.write(b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder(tmp_path):
    path = tmp_path / "none" / "out"
    message = rf"^{path} cannot be written: No such file or directory\.$"
    with pytest.raises(OutputError, match=message):
        check_output(path, overwrite=False)
    with pytest.raises(OutputError, match=message), open_output(path):
        pytest.fail("it was opened")


def test_a_check_leaves_nothing(tmp_path):
    check_output(tmp_path / "out", overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    def fail(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    message = rf"^{tmp_path}/out cannot be written: Permission denied\.$"
    with pytest.raises(OutputError, match=message):
        check_output(tmp_path / "out", overwrite=False)


def test_an_existing_file_is_replaced_on_request_only(tmp_path):
    path = tmp_path / "out"
    path.touch()
    check_output(path, overwrite=True)
    message = rf"^{path} exists already; name another output, or say --overwrite to replace it\.$"
    with pytest.raises(OutputError, match=message):
        check_output(path, overwrite=False)


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_is_no_file_is_never_replaced(tmp_path, overwrite):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (tmp_path, fifo):
        message = rf"^{path} is there and is no regular file; name another output\.$"
        with pytest.raises(OutputError, match=message):
            check_output(path, overwrite)


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(OutputError, match=r"File name too long; 247 bytes are most\.$"):
        check_output(tmp_path / ("x" * 300), overwrite=False)


def test_a_folder_is_made_with_those_above_it(tmp_path):
    folder = tmp_path / "new" / "folder"
    assert make_folder(folder) == folder
    (folder / "file").touch()
    assert make_folder(folder) == folder
    assert (folder / "file").exists()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    for name, reason in (("file", "File exists"), ("file/in", "Not a directory")):
        sentence = f"The folder {tmp_path / name} cannot be made: {reason}."
        with pytest.raises(OutputError, match=f"^{re.escape(sentence)}$"):
            make_folder(tmp_path / name)
