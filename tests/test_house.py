"""What the files at the root promise each other."""

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from trifuse.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("requirements.lock", "requirements-dev.lock", "docs/requirements.lock")
LOCKED_EXTRAS = ("dask", "dicom", "parquet", "studies")


def folders():
    """The list FOLDERS of setup.py, which cannot be imported without building."""
    for node in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FOLDERS":
            return ast.literal_eval(node.value)
    raise AssertionError("setup.py has no FOLDERS")


def lock(*names):
    """The versions of each locked package by name: another one for another Python is possible."""
    versions = {}
    for text in ((ROOT / name).read_text() for name in names):
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


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_and_no_address(name):
    text = (ROOT / name).read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text)[1:]
    assert len(entries) == sum(map(len, lock(name).values())) > 20
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    assert not re.search(r"://|index-url|find-links|file:", text)


def test_the_locks_hold_what_pyproject_asks_for():
    project, groups = PYPROJECT["project"], PYPROJECT["dependency-groups"]
    extras = [line for name in LOCKED_EXTRAS for line in project["optional-dependencies"][name]]
    for name, asked in zip(
        LOCKS,
        (project["dependencies"] + extras + groups["headless"], groups["dev"], groups["docs"]),
        strict=True,
    ):
        pinned = lock(name)
        if name == LOCKS[0]:  # the build for machines without a screen gives the same cv2
            pinned["opencv-contrib-python"] = pinned["opencv-contrib-python-headless"]
        missing = [
            line
            for line in asked
            if (wanted := Requirement(line)).name not in pinned
            or not all(map(wanted.specifier.contains, pinned[wanted.name]))
        ]
        assert missing == [], name


def test_the_locks_agree():
    first = lock(LOCKS[0])
    for name in LOCKS[1:]:
        shared = {key: versions for key, versions in lock(name).items() if key in first}
        assert {key: first[key] for key in shared} == shared


def test_every_make_command_in_the_pages_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    named = {name for page in pages for name in re.findall(r"`make ([a-z-]+)", page.read_text())}
    assert {"demo", "test", "check", "bench", "lock", "clean"} <= targets
    assert named <= targets


def test_the_container_is_given_every_folder():
    given = re.findall(r"^!(\S+)$", (ROOT / ".containerignore").read_text(), re.MULTILINE)
    assert set(folders()) <= set(given)
    assert all((ROOT / name).exists() for name in given)


def test_the_citation_names_the_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {PYPROJECT['project']['version']}\n" in text


def test_every_page_is_on_the_site():
    listed = set(re.findall(r"^ +- (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    pages = {page.name for page in (ROOT / "docs").glob("*.md")}
    assert listed == pages | {"index.md", "contributing.md", "changelog.md"}


def modules():
    """The files of all folders, without the commands, which are called as people call them."""
    files = [path for name in folders() for path in (ROOT / name).rglob("*.py")]
    commands = {ROOT / "cli" / f"{name}.py" for name in COMMANDS}
    return [path for path in files if path.stem != "__init__" and path not in commands]


def test_the_name_of_a_file_means_one_thing():
    counts = Counter(path.stem for path in modules())
    assert [name for name, n in counts.items() if n > 1] == []


def test_the_name_of_a_function_or_class_means_one_thing():
    counts = Counter(
        node.name
        for path in modules()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
    )
    assert [name for name, n in counts.items() if n > 1] == []
