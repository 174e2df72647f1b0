"""Archives that mean harm: bombs, names that lead elsewhere, links, archives within."""

import csv
import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""
BOMB, LARGE = 257 * 2**20, 64 * 2**20
"""Zeros: more than a member of an archive may have, and many."""
ZEROS = bytes(2**20)


def png_bomb():
    """A PNG that says it has 1,600 million pixels, in 100 bytes."""
    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    parts = (b"IHDR" + head, b"IDAT" + zlib.compress(b""), b"IEND")
    chunks = (struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def write_zip(file, members):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members:
            with archive.open(zipfile.ZipInfo(name), "w") as member:
                for _ in range(content // 2**20 if isinstance(content, int) else 0):
                    member.write(ZEROS)
                member.write(b"" if isinstance(content, int) else content)


def write_tar(file, members):
    with tarfile.open(file, "w:gz", compresslevel=1) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = content if isinstance(content, int) else len(content)
            archive.addfile(info, Zeros() if isinstance(content, int) else io.BytesIO(content))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo("link.jpg")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)


class Zeros:
    def read(self, size):
        return bytes(size)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_archives_that_mean_harm(shell, here, pictures):
    picture, inner = Path(pictures[0]).read_bytes(), io.BytesIO()
    write_zip(inner, [("x.jpg", picture)])
    outside = here.parent / "outside.jpg"
    names = ["../outside.jpg", str(outside), "a.jpg", "a.jpg"]
    harmless = [(name, picture) for name in names] + [("nested.zip", inner.getvalue())]
    harmful = [("bomb.jpg", BOMB), *[("large.png", LARGE)] * 4, ("huge.png", png_bomb())]
    (here / "work").mkdir()
    write_zip(here / "e.zip", harmless + harmful)
    write_tar(here / "e.tar.gz", harmless + harmful)
    (here / "peak.py").write_text(PEAK)
    before = sorted(here.rglob("*"))
    line = (
        "python ../peak.py peak trifuse predict ../e.zip ../e.tar.gz -m ../m.trifuse -o o.csv -j 1"
    )
    result = shell(line, here / "work")
    assert result.returncode == 3
    for name in ("zip", "tar.gz"):
        assert f"../e.{name}: passed over 1 archive in it; unpack" in result.stderr.decode()
    assert "../e.tar.gz: passed over 3 members that are links" in result.stderr.decode()
    with (here / "work" / "o.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    each = [*names, "bomb.jpg", *["large.png"] * 4, "huge.png"]
    assert [row["image"] for row in rows] == [
        f"../e.{kind}/{name}" for kind in ("zip", "tar.gz") for name in each
    ]
    assert [row["status"] for row in rows] == [*["ok"] * 4, *["error"] * 6] * 2
    assert "256 MiB" in rows[4]["message"]
    assert "limit of 100,000,000 pixels" in rows[9]["message"]
    made = {"work/peak", "work/o.csv", "work/o.csv.run.json", "work/o.csv.run.inputs"}
    assert set(here.rglob("*")) - set(before) == {here / name for name in made}
    assert not outside.exists()
    # In KiB: what a process needs anyway, and one member and its copy; not all of them.
    assert int(Path("work/peak").read_text()) < 380 * 1024
