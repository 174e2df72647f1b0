"""Tables with others' headings and separators, in every command that takes a table."""

import importlib
import json

import pytest
from click.testing import CliRunner

from trifuse.cli.main import COMMANDS, cli

HEADINGS = ["--path-column", "--label-column", "--group-column"]


def find_options(name):
    command = importlib.import_module(f"trifuse.cli.{name}").command
    arguments = {param.name for param in command.params if param.param_type_name == "argument"}
    return arguments, {option for param in command.params for option in param.opts}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_takes_a_table_takes_the_names_of_its_columns(name):
    arguments, options = find_options(name)
    labelled = bool(arguments & {"data", "truth"})
    assert [option in options for option in HEADINGS] == [
        labelled or "inputs" in arguments, labelled, labelled or name == "predict"  # of --groups
    ]  # fmt: skip


def test_evaluate_reads_other_headings(tmp_path):
    truth, predictions = tmp_path / "truth.csv", tmp_path / "predictions.csv"
    truth.write_text("file;diagnosis;lesion\na.jpg;nv;1\nb.jpg;mel;2\nc.jpg;mel;2\n")
    rows = ["image;status;label_1;probability_1;label_2;probability_2;message"]
    rows += [f"{name}.jpg;ok;{label};0.9;{other};0.1;" for name, label, other in
             (("a", "nv", "mel"), ("b", "mel", "nv"), ("c", "nv", "mel"))]  # fmt: skip
    predictions.write_text("\n".join(rows))
    headings = [*HEADINGS[:1], "file", HEADINGS[1], "diagnosis", HEADINGS[2], "lesion"]
    command = ["evaluate", str(predictions), str(truth), "--json"]
    result = CliRunner().invoke(cli, [*command, *headings])
    found = json.loads(result.stdout)
    assert found["metrics"]["bma"] == 0.75
    assert found["intervals"]["resampled"] == "lesions"
    assert "is no table of true labels" in str(CliRunner().invoke(cli, command).exception)
