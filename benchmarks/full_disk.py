"""Fill a small disk with an output, make room, resume, and compare the bytes.

The disk is a tmpfs, which root may mount; Linux only.

    python benchmarks/full_disk.py
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from small_job import TRIFUSE, make_model, make_pictures


def mount(*arguments: str) -> None:
    """Call mount or umount."""
    subprocess.run(arguments, check=True, capture_output=True)


def main() -> None:
    """Print what the command said at each step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--kilobytes", type=int, default=64)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, disk = Path(folder), Path(folder) / "disk"
        make_model(root)
        make_pictures(root / "pictures", arguments.images)
        disk.mkdir()
        size = arguments.kilobytes
        mount("mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(disk))
        try:
            command = [TRIFUSE, "predict", "pictures", "-m", "small.trifuse", "-j", "2", "--quiet"]
            subprocess.run([*command, "-o", "whole.csv"], cwd=root, check=False)
            fills = 0
            while True:
                ran = subprocess.run(
                    [*command, "-o", "disk/o.csv", "--resume"],
                    cwd=root, capture_output=True, text=True, check=False,
                )  # fmt: skip
                print(f"{size:6d} kB: exit code {ran.returncode}. {ran.stderr.strip()}")
                if ran.returncode != 1:
                    break
                fills += 1
                size += arguments.kilobytes
                mount("mount", "-o", f"remount,size={size}k", str(disk))
            same = (disk / "o.csv").read_bytes() == (root / "whole.csv").read_bytes()
        finally:
            mount("umount", str(disk))
    print(f"the disk was full {fills} times; the bytes are {'the same' if same else 'others'}")
    if not same or not fills:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
