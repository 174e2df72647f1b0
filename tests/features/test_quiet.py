"""What libraries say stays off the screen; what we say does not."""

import logging
import os
import subprocess
import sys
import warnings

import pytest

from trifuse.features.quiet import silenced_stderr, without_pydicom_logs, without_warnings


def test_tensorflow_is_imported_and_used_without_a_word():
    code = (
        "from trifuse.features.quiet import import_tensorflow\n"
        "tf = import_tensorflow()\n"
        "assert import_tensorflow() is tf\n"
        "tf.zeros(3)\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_only_what_is_written_inside_is_silenced(capfd):
    os.write(2, b"before ")
    with silenced_stderr():
        os.write(2, b"inside ")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"


def test_an_exception_passes_and_stderr_is_back(capfd):
    with pytest.raises(RuntimeError, match="boom"), silenced_stderr():
        raise RuntimeError("boom")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_no_file_descriptor_is_left_open():
    before = os.dup(2)
    os.close(before)
    for _ in range(3):
        with silenced_stderr():
            pass
    after = os.dup(2)
    os.close(after)
    assert after == before


def test_threads_that_cross_restore_the_filters(crossed):
    """The first in leaves first: the case that crossed catch_warnings get wrong."""
    filters = list(warnings.filters)
    with crossed(without_warnings, without_warnings):
        assert warnings.filters != filters
        for module in ("PIL.Image", "pydicom.values"):
            warnings.warn_explicit("odd", UserWarning, "file", 1, module=module)
    assert warnings.filters == filters


def test_threads_that_cross_restore_the_level_of_pydicom(crossed):
    logger = logging.getLogger("pydicom")
    level = logger.level
    with crossed(without_pydicom_logs, without_pydicom_logs):
        assert not logger.isEnabledFor(logging.CRITICAL)
    assert logger.level == level
