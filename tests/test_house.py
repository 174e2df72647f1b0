"""What the files at the root promise each other."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKED_EXTRAS = ("dask", "dicom", "parquet", "studies")


def folders():
    """The list FOLDERS of setup.py, which cannot be imported without building."""
    for node in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FOLDERS":
            return ast.literal_eval(node.value)
    raise AssertionError("setup.py has no FOLDERS")


def lock():
    """The versions of each locked package by name: another one for another Python is possible."""
    versions = {}
    text = (ROOT / "requirements.lock").read_text()
    for name, version in re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text, re.MULTILINE):
        versions.setdefault(name, []).append(version)
    return versions


def test_the_root_is_a_namespace():
    assert not (ROOT / "__init__.py").exists()


def test_setup_names_every_package():
    assert sorted(folders()) == sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


@pytest.mark.parametrize("folder", folders())
def test_a_folder_says_what_it_is(folder):
    docstring = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text()))
    assert docstring is not None
    assert docstring.endswith(".")
    assert len(docstring.splitlines()) == 1


def test_the_readme_numbers_the_stages():
    steps = re.findall(r"^\d+\. .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    named = {name for step in steps for name in re.findall(r"`(\w+)/`", step)}
    assert set(folders()) - {"recipes"} <= named <= set(folders())


def test_every_folder_is_held_to_the_rules():
    linter = PYPROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    layers = PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    assert set(linter) == set(folders())
    assert sorted(re.findall(r"\w+", " ".join(layers))) == sorted(folders())


def test_the_lock_has_hashes_and_no_address():
    text = (ROOT / "requirements.lock").read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text)[1:]
    assert len(entries) == sum(map(len, lock().values())) > 20
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    assert not re.search(r"://|index-url|find-links|file:", text)


def test_the_lock_holds_what_pyproject_asks_for():
    pinned = lock()
    project = PYPROJECT["project"]
    extras = [line for name in LOCKED_EXTRAS for line in project["optional-dependencies"][name]]
    asked = project["dependencies"] + extras + PYPROJECT["dependency-groups"]["dev"]
    missing = [
        line
        for line in asked
        if (wanted := Requirement(line)).name not in pinned
        or not all(map(wanted.specifier.contains, pinned[wanted.name]))
    ]
    assert missing == []


def test_every_make_command_in_the_pages_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    named = {name for page in pages for name in re.findall(r"`make ([a-z]+)", page.read_text())}
    assert {"demo", "test", "check", "bench", "lock", "clean"} <= targets
    assert named <= targets
