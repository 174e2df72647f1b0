"""A model becomes a package, pip installs it, and `-m` finds it by name."""

import hashlib
import json
from pathlib import Path

import pytest

BUILD = "python -m pip wheel --no-deps --no-build-isolation --no-index -q"
INSTALL = (
    "python -m pip install --no-deps --no-build-isolation --no-index -q --root-user-action ignore"
)


def test_what_is_said(trifuse, here):
    result = trifuse("package", "m.trifuse", "--name", "tiny", "-o", "out")
    assert (result.code, result.out) == (0, b"")
    sentence = f"out written; after `pip install {here}/out` trifuse takes the model as -m tiny.\n"
    assert result.err == sentence


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ("--name Tiny -o out", "'Tiny' cannot be the name of a model; take lower-case letters, "),
        ("--name tiny -o out --version x", "'x' is no version; say one such as 1.0 or 2.1.3."),
        ("--name tiny -o out --license WTF", "The licence 'WTF' is not known, and no file; give "),
        ("--name tiny -o in --overwrite", "in is no folder of a model's package alone: it has no"),
        ("--name tiny -o in", "in exists already; name another output, or say --overwrite to rep"),
    ],
)
def test_refusals(trifuse, here, options, error):
    before = sorted(here.rglob("*"))
    result = trifuse("package", "m.trifuse", *options.split())
    assert (result.code, result.out) == (1, b"")
    assert result.err.startswith(f"Error: {error}")
    assert sorted(here.rglob("*")) == before


def test_pip_installs_it_and_predict_finds_it(shell, here):
    def run(line, **environment):
        result = shell(line, here, **environment)
        assert result.returncode == 0, result.stderr.decode()
        return result.stdout

    options = "--name tiny --license CC-BY-NC-4.0 --data 'Drawn by a program' --version 2.1"
    run(f"trifuse package m.trifuse {options} -o out")
    run(f"{INSTALL} --target site ./out")
    (tiny,) = json.loads(run("trifuse models --json", PYTHONPATH="site"))
    told = {name: tiny[name] for name in ("name", "distribution", "version", "data", "license")}
    assert told == {
        "name": "tiny", "distribution": "trifuse-tiny", "version": "2.1",
        "data": "Drawn by a program", "license": "CC-BY-NC-4.0",
    }  # fmt: skip
    assert tiny["sha256"] == hashlib.sha256(Path("m.trifuse").read_bytes()).hexdigest()
    (text,) = Path("site").rglob("*.dist-info/licenses/LICENSE")
    assert text.read_bytes() == Path("out/LICENSE").read_bytes()

    run("trifuse predict a.jpg in -m tiny -o by-name.csv -j 1", PYTHONPATH="site")
    run("trifuse predict a.jpg in -m m.trifuse -o by-path.csv -j 1")
    assert Path("by-name.csv").read_bytes() == Path("by-path.csv").read_bytes()

    # What building has left in the folder is no reason to keep it.
    run(f"trifuse package m.trifuse {options} -o out --overwrite")


def test_its_wheel_is_the_same_at_every_build(shell, here):
    wheels = []
    for name in ("one", "two"):
        for line in (
            f"trifuse package m.trifuse --name tiny --license MIT -o {name}",
            f"find {name} -exec touch -d '20{len(wheels) + 10}-01-01' '{{}}' +",
            f"{BUILD} -w wheels-{name} ./{name}",
        ):
            result = shell(line, here, SOURCE_DATE_EPOCH="1700000000")
            assert result.returncode == 0, result.stderr.decode()
        (wheel,) = Path(f"wheels-{name}").iterdir()
        assert wheel.name == "trifuse_tiny-1.0-py3-none-any.whl"
        wheels.append(wheel.read_bytes())
    assert wheels[0] == wheels[1]
