"""The help of the commands, and the pages that repeat it."""

import importlib.metadata
import re
from pathlib import Path

import click
import pytest

from trifuse.cli import main as cli
from trifuse.recipes.recipe import Recipe

ROOT = Path(__file__).resolve().parents[2]


def commands():
    context = click.Context(cli.cli, info_name="trifuse")
    return {name: cli.cli.get_command(context, name) for name in cli.cli.list_commands(context)}


@pytest.mark.parametrize("name", cli.COMMANDS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help_with_an_example(trifuse, name, option):
    result = trifuse(name, option)
    text = result.out.decode()
    assert (result.code, result.err) == (0, "")
    assert text.startswith(f"Usage: trifuse {name}")
    assert re.search(rf"^  (.*\| )?trifuse {name}\b", text, re.MULTILINE)


def test_every_option_has_a_help_text():
    for command in commands().values():
        for parameter in command.params:
            assert isinstance(parameter, click.Argument) or parameter.help


def test_the_examples_of_the_help_are_commands_that_parse():
    for name, command in commands().items():
        for line in command.help.splitlines():
            if (found := re.search(rf"(?:^|\| )trifuse {name}\b(.*)$", line)) and "/" not in line[
                :1
            ]:
                command.make_context(name, found[1].split(), resilient_parsing=False).close()


def test_the_list_of_commands(trifuse):
    for arguments in ((), ("--help",)):
        result = trifuse(*arguments)
        text = result.out.decode() + result.err
        assert all(re.search(rf"^  {name} ", text, re.MULTILINE) for name in cli.COMMANDS)
    assert result.code == 0
    assert trifuse().code == 2


def test_version(trifuse):
    result = trifuse("--version")
    assert (result.code, result.err) == (0, "")
    assert result.out.decode() == f"trifuse {importlib.metadata.version('trifuse')}\n"


def test_the_help_of_train_names_the_presets(trifuse):
    text = " ".join(trifuse("train", "--help").out.decode().split())
    named = ("default", "fast", "thorough")
    assert f"{', '.join(named)}, bottleneck-…, or a file" in text
    others = [name for name in Recipe.presets() if name not in named]
    assert all(name.startswith("bottleneck-") for name in others)


def test_every_command_and_option_is_in_the_docs():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "\n".join(page.read_text() for page in pages)
    missing = []
    for name, command in commands().items():
        if f"trifuse {name}" not in text:
            missing.append(name)
        for parameter in command.params:
            options = parameter.opts if isinstance(parameter, click.Option) else []
            missing += [
                f"{name} {option}"
                for option in options
                if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text)
            ]
    assert missing == []
