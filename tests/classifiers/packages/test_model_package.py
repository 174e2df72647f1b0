"""The distribution of a model: what is in it, and that it is whole or not there."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from trifuse.classifiers.archive import ModelFileError
from trifuse.classifiers.model_file import read_about
from trifuse.classifiers.output import UNFINISHED, OutputError
from trifuse.classifiers.packages import package_folder
from trifuse.classifiers.packages.model_package import (
    LICENSES,
    PackageError,
    PackageOptions,
    write_package,
)

FILES = {"pyproject.toml", "README.md", "trifuse_tiny/__init__.py", "trifuse_tiny/model.trifuse"}


@pytest.fixture
def write(model_file, tmp_path):
    def run(name="tiny", folder=tmp_path / "out", model=model_file, overwrite=False, **options):
        write_package(Path(model), Path(folder), PackageOptions(name, **options), overwrite)
        return contents(folder)

    return run


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_files(write, model_file):
    files = write()
    assert set(files) == FILES
    assert files["trifuse_tiny/model.trifuse"] == model_file.read_bytes()
    assert files["trifuse_tiny/__init__.py"] == b""
    assert tomllib.loads(files["pyproject.toml"].decode()) == {
        "build-system": {
            "requires": ["setuptools>=77"], "build-backend": "setuptools.build_meta"
        },
        "project": {
            "name": "trifuse-tiny", "version": "1.0", "readme": "README.md",
            "description": "56 images of 35 groups", "license-files": [],
            "requires-python": ">=3.11",
            "entry-points": {"trifuse.models": {"tiny": "trifuse_tiny"}},
        },
        "tool": {
            "setuptools": {
                "packages": ["trifuse_tiny"], "include-package-data": False,
                "package-data": {"trifuse_tiny": ["model.trifuse"]},
            }
        },
    }  # fmt: skip


def test_the_readme_is_the_card(write, model_file):
    readme = write(license="CC-BY-NC-4.0", data="Pictures {drawn}", version="2.1rc1")["README.md"]
    card = read_about(model_file)["card"]
    head, _, rest = readme.decode().partition("A research model that")
    assert f"A research model that{rest}" == card.removeprefix("# A trifuse model\n\n")
    sha256 = hashlib.sha256(model_file.read_bytes()).hexdigest()
    for line in (
        "# trifuse-tiny",
        "The model `tiny` of trifuse, version 2.1rc1.", "- Data: Pictures {drawn}",
        "- Licence: CC-BY-NC-4.0", f"- SHA-256 of the model file: `{sha256}`",
        "    trifuse predict photos/ -m tiny -o predictions.csv",
    ):  # fmt: skip
        assert line in head.splitlines()


def test_the_same_again_gives_the_same_bytes(write, tmp_path):
    first = write(license="CC-BY-NC-4.0")
    assert write(license="CC-BY-NC-4.0", overwrite=True) == first
    assert write(license="CC-BY-NC-4.0", folder=tmp_path / "new" / "one") == first


@pytest.mark.parametrize(
    "name", ["Skin", "a_b", "-a", "a--b", "a b", "a/b", "", "é", "a\n", "x" * 61]
)
def test_names_that_no_model_can_have(name):
    with pytest.raises(PackageError, match="cannot be the name of a model; take lower-case"):
        PackageOptions(name)


def test_names():
    options = PackageOptions("skin-2-x" * 7)
    assert options.distribution == "trifuse-" + "skin-2-x" * 7
    assert options.package == "trifuse_" + "skin_2_x" * 7


@pytest.mark.parametrize("version", ["", "one", "1.0-beta", "v1", "1.0\n", "1..0"])
def test_what_is_no_version(version):
    with pytest.raises(PackageError, match=r"is no version; say one such as 1.0 or 2.1.3.$"):
        PackageOptions("tiny", version=version)


@pytest.mark.parametrize("data", ["two\nlines", "\x1b[2J", "\udcff"])
def test_data_are_a_line_of_text(data):
    with pytest.raises(PackageError, match="must be one line of text"):
        PackageOptions("tiny", data=data)


def test_odd_data_are_kept(write):
    data = 'of "Charité" \\ 50 % {x} = [1]'
    project = tomllib.loads(write(data=data)["pyproject.toml"].decode())["project"]
    assert project["description"] == data


class TestLicense:
    def test_the_text_of_the_ready_models(self, write):
        files = write(license="CC-BY-NC-4.0")
        text = files["LICENSE"].decode()
        assert text.startswith("Creative Commons Attribution-NonCommercial 4.0 International\n")
        assert re.findall(r"^Section (\d) ", text, re.MULTILINE) == list("12345678")
        project = tomllib.loads(files["pyproject.toml"].decode())["project"]
        assert (project["license"], project["license-files"]) == ("CC-BY-NC-4.0", ["LICENSE"])

    @pytest.mark.parametrize("name", [name for name in LICENSES if name != "CC-BY-NC-4.0"])
    def test_another_that_is_known(self, write, name):
        files = write(license=name)
        assert set(files) == FILES
        assert tomllib.loads(files["pyproject.toml"].decode())["project"]["license"] == name

    def test_a_text(self, write, tmp_path):
        (tmp_path / "terms").write_bytes("Nur für uns.\n".encode())
        files = write(license=str(tmp_path / "terms"))
        assert files["LICENSE"].decode() == "Nur für uns.\n"
        project = tomllib.loads(files["pyproject.toml"].decode())["project"]
        assert project["license"] == "LicenseRef-trifuse-tiny"

    def test_what_is_none(self, write, tmp_path):
        with pytest.raises(
            PackageError, match=r"^The licence 'CC-NC' is not known, and no file; g"
        ):
            write(license="CC-NC")
        for content in (b"", b" \n", b"\xff\xfe", b"a\0b", b"x" * 1_000_001):
            (tmp_path / "terms").write_bytes(content)
            with pytest.raises(PackageError, match="is no text in UTF-8 of at most 1,000,000 byt"):
                write(license=str(tmp_path / "terms"))
        assert not (tmp_path / "out").exists()


def test_texts_follow_the_card(write, tmp_path):
    plain = write()["README.md"].decode()
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(f"\n## {name} {{card}}\n\n")
    files = write(append=[str(tmp_path / "a.md"), str(tmp_path / "b.md")], overwrite=True)
    assert files["README.md"].decode() == f"{plain}\n## a.md {{card}}\n\n## b.md {{card}}\n"


def test_what_cannot_follow_the_card(write, tmp_path):
    with pytest.raises(PackageError, match=r"^What follows the card cannot be read from .*/a: No "):
        write(append=[str(tmp_path / "a")])
    (tmp_path / "a").write_bytes(b"\xff")
    with pytest.raises(PackageError, match=r"^What follows the card, .*/a, is no text in UTF-8 of"):
        write(append=[str(tmp_path / "a")])
    assert not (tmp_path / "out").exists()


def test_what_is_no_model(write, tmp_path):
    (tmp_path / "m").write_bytes(b"none")
    for model in (tmp_path / "m", tmp_path / "none", tmp_path):
        with pytest.raises(ModelFileError):
            write(model=model)
    assert {path.name for path in tmp_path.iterdir()} == {"m"}


class TestFolder:
    def test_it_is_replaced_on_request(self, write, tmp_path):
        write()
        with pytest.raises(OutputError, match="out exists already; name another output, or say --"):
            write(version="2.0")
        (tmp_path / "out" / "build").mkdir()
        (tmp_path / "out" / "trifuse_tiny.egg-info").mkdir()
        files = write("other", license="CC-BY-NC-4.0", overwrite=True)
        assert set(files) == {name.replace("tiny", "other") for name in FILES} | {"LICENSE"}
        assert [path.name for path in tmp_path.iterdir()] == ["out"]

    def test_where_the_new_one_cannot_take_its_place_the_old_one_stays(
        self, write, tmp_path, monkeypatch
    ):
        before, rename = write(), Path.rename

        def fail(path, target):
            if path.name == "new":
                raise OSError(5, "Input/output error")
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", fail)
        with pytest.raises(OutputError, match="Input/output error"):
            write("other", overwrite=True)
        assert contents(tmp_path / "out") == before
        assert [path.name for path in tmp_path.iterdir()] == ["out"]

    def test_what_a_kill_left_is_put_back(self, write, tmp_path):
        before = write()
        (work := tmp_path / f"out{UNFINISHED}").mkdir()
        (tmp_path / "out").rename(work / "old")
        with pytest.raises(OutputError, match="out exists already"):
            write("other")
        assert contents(tmp_path / "out") == before
        assert not work.exists()

    @pytest.mark.parametrize("name", ["notes.md", "trifuse_tiny/other.trifuse", ".git"])
    def test_what_is_not_of_it_is_kept(self, write, tmp_path, name):
        before = write()
        (tmp_path / "out" / name).write_text("mine")
        with pytest.raises(OutputError, match=f"it holds '{name.rpartition('/')[2]}'; name anothe"):
            write(overwrite=True)
        assert contents(tmp_path / "out") == before | {name: b"mine"}

    @pytest.mark.parametrize("text", [None, "", "[project]", "[[", '[project]\nentry-points = "x"'])
    def test_another_folder_is_kept(self, write, tmp_path, text):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "a.txt").touch()
        if text is not None:
            (tmp_path / "out" / "pyproject.toml").write_text(text)
        with pytest.raises(
            OutputError, match=r"it has no pyproject.toml of one; name another outp"
        ):
            write(overwrite=True)

    def test_an_empty_folder_is_taken(self, write, tmp_path):
        (tmp_path / "out").mkdir()
        assert set(write()) == FILES

    def test_what_is_no_folder(self, write, tmp_path):
        (tmp_path / "out").write_text("mine")
        (tmp_path / "link").symlink_to(tmp_path)
        for name in ("out", "link"):
            with pytest.raises(OutputError, match=f"{name} is there and is no folder; name anoth"):
                write(folder=tmp_path / name, overwrite=True)
        for name in (".", "/", ".."):
            with pytest.raises(OutputError, match="cannot be replaced; name a folder of its own"):
                write(folder=name, overwrite=True)
        with pytest.raises(OutputError, match=r"The folder .*out cannot be made: File exists"):
            write(folder=tmp_path / "out" / "in")

    def test_what_is_read_is_not_replaced(self, write, tmp_path):
        before = write()
        with pytest.raises(OutputError, match="out holds what is read and must not be replaced; "):
            write("x", model=tmp_path / "out" / "trifuse_tiny" / "model.trifuse", overwrite=True)
        with pytest.raises(OutputError, match="out holds what is read and must not be replaced; "):
            write(license=str(tmp_path / "out" / "README.md"), overwrite=True)
        with pytest.raises(OutputError, match="out holds what is read and must not be replaced; "):
            write(append=[str(tmp_path / "out" / "README.md")], overwrite=True)
        assert contents(tmp_path / "out") == before

    @pytest.mark.parametrize("there", [False, True])
    def test_a_full_disk_leaves_what_was(self, write, tmp_path, monkeypatch, there):
        before = write() if there else {}

        def fail(path):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(package_folder, "open_output", fail)
        with pytest.raises(OutputError, match=r"out cannot be written: No space left on device."):
            write(version="2.0", overwrite=True)
        assert contents(tmp_path / "out") == before
        assert len(list(tmp_path.iterdir())) == there

    def test_what_a_kill_has_left_is_removed(self, write, tmp_path):
        (tmp_path / "out.partial" / "new" / "trifuse_tiny").mkdir(parents=True)
        (tmp_path / "out.partial" / "old").mkdir()
        assert set(write()) == FILES
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
        (tmp_path / "out.partial").mkdir()
        (tmp_path / "out.partial" / "mine").touch()
        with pytest.raises(OutputError, match=r"out.partial is there and is in the way; name anot"):
            write(overwrite=True)
