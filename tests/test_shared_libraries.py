"""What the whole of trifuse loads on Linux is here by name: no library of a screen among it."""

import re
import subprocess
import sys

import pytest

LOAD_ALL = """
import cv2, lightgbm, sklearn.svm, scipy.linalg, pandas, PIL.Image, PIL.ImageCms, imagecodecs
import ai_edge_litert.interpreter, tensorflow, pydicom, pyarrow, matplotlib.pyplot
assert cv2.SIFT_create() is not None
lines = [line.split(maxsplit=5) for line in open("/proc/self/maps")]
print(*{line[5].strip() for line in lines if ".so" in line[-1]}, sep=chr(10))
"""
OF_THE_SYSTEM = {
    *("ld", "libc", "libdl", "libm", "libmvec", "libpthread", "libresolv", "librt", "libutil"),
    *("libatomic", "libgcc_s", "libgomp", "libstdc++"),
    *("libbz2", "libcrypt", "libcrypto", "libexpat", "libffi", "liblzma", "libncursesw"),
    *("libreadline", "libsqlite3", "libssl", "libtinfo", "libuuid", "libz"),
}
"""Of glibc, of GCC, and of Python."""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_all_libraries_come_from_the_wheels_or_from_a_bare_system():
    """What a minimal Debian with python3 has, and libgomp; all else is in Python's folders."""
    result = subprocess.run([sys.executable, "-P", "-c", LOAD_ALL], capture_output=True, check=True)
    loaded = result.stdout.decode().split()
    assert len(loaded) > 50
    others = [path for path in loaded if "-packages/" not in path and "/lib-dynload/" not in path]
    stems = {re.split("[-.]", path.rpartition("/")[2])[0] for path in others}
    assert {stem for stem in stems if not stem.startswith("libpython")} <= OF_THE_SYSTEM
    assert "libgomp" in stems
