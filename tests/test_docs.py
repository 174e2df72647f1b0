"""The pages say what the program does."""

import importlib
import re
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from trifuse.cli.main import COMMANDS, cli
from trifuse.datasets.load import load_dataset
from trifuse.recipes.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_page_of_commands_shows_the_help(command):
    arguments = [*command.split(), "--help"]
    result = CliRunner().invoke(cli, arguments, prog_name="trifuse", terminal_width=78)
    assert result.exit_code == 0
    section = f"## {f'trifuse {command}'.strip()}\n\n```text\n{result.output}```\n"
    assert section in (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def test_the_pages_name_every_command_and_recipe():
    commands = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"\n| `trifuse {name}" not in commands] == []
    pages = [ROOT / "README.md", ROOT / "docs" / "backbones.md"]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    assert [name for name in Recipe.presets() if f"`{name}`" not in text] == []


def test_the_readme_is_short():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 120
    assert max(map(len, lines)) <= 400  # a row of its last table


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{page.name}" for page in ROOT.glob("docs/*.md")),
]


@pytest.mark.parametrize("page", PAGES)
def test_pages_link_to_files_that_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = [part.split(")")[0].split("#")[0] for part in text.split("](")[1:]]
    local = [target for target in targets if target and not target.startswith("http")]
    assert [name for name in local if not ((ROOT / page).parent / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_what_there_is(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    names = set(re.findall(r"`trifuse((?:\.\w+)+)[`(]", text))
    missing = []
    for name in names:
        parts, found = name.split(".")[1:], None
        for count in range(len(parts), 0, -1):
            with suppress(ModuleNotFoundError):
                found = importlib.import_module(".".join(["trifuse", *parts[:count]]))
                break
        for part in parts[count:]:
            found = getattr(found, part, None)
        missing += [] if found else [name]
    assert missing == []


def test_the_walks_pass_few_files_that_exist():
    """From a command to the model, or to the model file, through at most five of one folder."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    walks = text.partition("## Two walks")[2].partition("\n## ")[0]
    named = re.findall(r"`(\w+/[\w/]+\.py)`", walks)
    assert [name for name in named if not (ROOT / name).is_file()] == []
    image, label = walks.split("**One label")
    to_model = image.partition("7. Back")[0]
    steps = re.findall(r"^\d\. (?:Back in )?`(\w+/[\w/]+\.py)`", to_model + label, re.MULTILINE)
    assert len(set(steps)) == len(steps) > 8
    for folder in ("batch/", "training/"):
        assert 0 < sum(name.startswith(folder) for name in steps) <= 5


@pytest.mark.slow
def test_the_examples_of_the_readme_run(archive, recipe_file, monkeypatch):
    """With a recipe that takes seconds in the place of the default one."""
    table = load_dataset(str(archive))
    recipe = Recipe.load(str(recipe_file))
    monkeypatch.setattr(Recipe, "load", lambda name: recipe)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    names = {
        "paths": table.paths, "new_paths": table.paths[:3],
        "labels": table.labels, "lesions": table.groups,
    }  # fmt: skip
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert names["classifier"].predict_proba(table.paths[:3]).shape == (3, 7)
    assert names["model"].score(table.paths, table.labels) > 2 / 7
