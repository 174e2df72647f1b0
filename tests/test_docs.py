"""The pages say what the program does."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from trifuse.batch.cli import COMMANDS, cli
from trifuse.recipes.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_page_of_commands_shows_the_help(command):
    arguments = [*command.split(), "--help"]
    result = CliRunner().invoke(cli, arguments, prog_name="trifuse", terminal_width=78)
    assert result.exit_code == 0
    section = f"## {f'trifuse {command}'.strip()}\n\n```text\n{result.output}```\n"
    assert section in (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def test_the_readme_names_every_command_and_recipe():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`trifuse {name}" not in readme] == []
    assert [name for name in Recipe.presets() if f"`{name}`" not in readme] == []


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
