"""``trifuse finetune``, and what becomes of its network, as people run it."""

import csv
import json
import re

import pytest

from trifuse.classifiers.network_file import load_network
from trifuse.recipes.reading import to_toml
from trifuse.studies.finetuning import judged_trainer
from trifuse.training.networks import trainer


@pytest.fixture
def tune(trifuse, archive, finetuning, small_backbone, tmp_path):
    """Run the command on the archive, or on other data, with a recipe's sections."""

    def run(*options, data=archive, **sections):
        recipe = tmp_path / "recipe.toml"
        recipe.write_text(to_toml(finetuning(**sections)))
        places = ("-o", tmp_path / "tuned", "--recipe", recipe)
        return trifuse("finetune", data, *places, "-j", "1", *options)

    return run


def test_from_images_to_predictions(tune, trifuse, archive, recipe_file, tmp_path):
    result = tune()
    assert (result.code, result.out) == (0, b"")
    network = tmp_path / "tuned" / "network.trifuse-cnn"
    parts, estimate, *epochs, last = result.err.splitlines()[-6:]
    assert parts.endswith(" are set aside")
    assert re.search(r"; about \d+ s on this machine$", estimate)
    assert [line.split(":")[0] for line in epochs] == ["epoch 1", "epoch 2", "epoch 3"]
    assert last.startswith(f"{network} written; on the images that chose it: loss ")
    about = load_network(network).about

    model = tmp_path / "m.trifuse"
    options = ("-o", model, "--recipe", recipe_file, "--backbone", network, "-j", "1")
    trained = trifuse("train", archive, *options)
    assert trained.code == 0, trained.err
    assert b" network |" in trained.out
    training = json.loads(trifuse("info", model, "--json").out)["training"]
    assert training["networks"][0]["fingerprint"] == about.fingerprint
    assert training["held_out"][0] == 56 - len(about.seen)

    files = [tmp_path / f"{jobs}.csv" for jobs in (1, 2)]
    for jobs, file in enumerate(files, 1):
        done = trifuse("predict", archive / "images", "-m", model, "-o", file, "-j", str(jobs))
        assert done.code == 0, done.err
    assert files[0].read_bytes() == files[1].read_bytes()
    rows = list(csv.DictReader(files[0].read_text().splitlines()))
    assert len(rows) == 56
    assert {row["status"] for row in rows} == {"ok"}


def test_a_folder_of_another_training(tune, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "SAVE_SECONDS", -1)
        patch.setattr(judged_trainer.JudgedTrainer, "measure", stop)
        stopped = tune()
    assert stopped.code == 130
    last = stopped.err.splitlines()[-1]
    assert last == "Interrupted; the same command goes on from the last checkpoint."
    checkpoint = tmp_path / "tuned" / "checkpoint.npz"
    assert [path.name for path in checkpoint.parent.iterdir()] == [checkpoint.name]
    before = checkpoint.read_bytes()

    other = tune(schedule={"batch": 5})
    assert (other.code, other.out) == (1, b"")
    assert other.err.endswith(
        f"\nError: {checkpoint} is of other images or of another recipe; name another folder, or "
        "say --overwrite to begin anew\n"
    )
    wrong = tune("--overwrite", data=tmp_path / "none")
    assert (wrong.code, wrong.err.count("\n")) == (1, 1)
    assert wrong.err.startswith(f"Error: there is no {tmp_path / 'none'}; expected")
    assert checkpoint.read_bytes() == before  # a slip of the pen costs no training


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"split": {"folds": 10}}, "Error: the class synthetic_a has "),
        ({"network": {"frozen": "conv_9"}}, "Error: the network has no layer 'conv_9' to freeze"),
        ({"export": {"rows": 9}}, "Error: backbone efficientnet-lite0 cannot be exported for"),
        ({"balance": {"class_weights": {"mel": 3.0}}}, "Error: the recipe weights the class 'mel'"),
    ],
)
def test_what_cannot_be(tune, sections, sentence):
    result = tune(**sections)
    assert (result.code, result.out) == (1, b"")
    assert result.err.splitlines()[-1].startswith(sentence)


def test_wrong_usage(trifuse, archive, tmp_path):
    missing = trifuse("finetune", archive)
    assert missing.code == 2
    assert "Missing option '-o' / '--output'." in missing.err
    recipe = trifuse("finetune", archive, "-o", tmp_path / "tuned", "--recipe", "fast")
    assert recipe.err == (
        "Error: There is no recipe 'fast'; name one of default, original, or a .toml file.\n"
    )
    assert not (tmp_path / "tuned").exists()
