"""A fine-tuning that was killed goes on, and ends in the very bytes of one that was not."""

import signal
import subprocess
import sys

import pytest

from trifuse.recipes.toml import to_toml
from trifuse.studies.finetuning import finetune
from trifuse.studies.finetuning import trainer as trainer_module
from trifuse.studies.finetuning.checkpoint import load_checkpoint
from trifuse.studies.finetuning.finetune import NETWORK_FILE, fine_tune
from trifuse.studies.finetuning.trainer import CHECKPOINTS, Trainer

KILL_IN_STEP_2 = """
import os, signal
from trifuse.batch import cli
from trifuse.studies.finetuning import trainer

learn = trainer.Trainer._learn

def learn_or_die(self, batch, rate):
    if self.progress.step == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return learn(self, batch, rate)

trainer.SAVE_SECONDS = -1
trainer.Trainer._learn = learn_or_die
cli.main()
"""
"""The command `trifuse`, which saves after every step and dies in the third of its first epoch."""
STEPS = 3
"""Of an epoch."""


class KilledError(Exception):
    """What stands for a kill in this process."""


@pytest.fixture
def kill(monkeypatch, tune):
    """Fine-tune until a step, or the validation after it, and end there."""

    def run(folder, at, save_seconds):
        def dies(name):
            method = getattr(Trainer, name)

            def run_or_die(self, *arguments):
                if (name, self.progress.step) == at:
                    raise KilledError
                return method(self, *arguments)

            return run_or_die

        with monkeypatch.context() as patch:
            patch.setattr(trainer_module, "SAVE_SECONDS", save_seconds)
            for name in ("_learn", "measure"):
                patch.setattr(Trainer, name, dies(name))
            with pytest.raises(KilledError):
                tune(folder)

    return run


@pytest.mark.parametrize(
    "case",
    [
        (("_learn", 1), -1, 1),  # in the first epoch
        (("_learn", STEPS + 1), 60, STEPS),  # a step of the second, saved when it began
        (("measure", 2 * STEPS), -1, 2 * STEPS),  # after the last step of an epoch
    ],
)
def test_it_goes_on_after_the_step(tune, kill, tuned, contents, tmp_path, case):
    at, save_seconds, goes_on_after = case
    kill(tmp_path, at, save_seconds)
    assert not (tmp_path / NETWORK_FILE).exists()
    resumed = tune(tmp_path)
    assert resumed.said[1].startswith(f"going on after step {goes_on_after}: 3 epochs of 3 steps")
    assert len(resumed.said) == 2 + 3 - at[1] // STEPS + (at[0] == "measure")
    assert contents(tmp_path) == contents(tuned.folder)


def test_a_real_kill_of_a_real_backbone(
    archive, table, finetuning, contents, tmp_path, monkeypatch
):
    """Without the export, which takes longer than all else, and is a function of `kept.npz`."""
    monkeypatch.setattr(finetune, "export_network", lambda *_: b"")
    recipe = finetuning(
        network={"backbone": "mobilenet-0.75", "weights": "random", "frozen": -12},
        schedule={"epochs": 2},
    )
    (tmp_path / "recipe.toml").write_text(to_toml(recipe))
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = ["finetune", archive, "-o", killed, "--recipe", tmp_path / "recipe.toml"]
    process = subprocess.run(
        [sys.executable, "-c", KILL_IN_STEP_2, *map(str, command)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert "an untrained CNN is no feature extractor" in process.stderr
    assert [path.name for path in killed.iterdir()] == [CHECKPOINTS[0]]

    whole.mkdir()
    with pytest.warns(UserWarning, match="mobilenet-0.75 has random weights"):
        network = fine_tune(table, recipe, whole)
    progress, _ = load_checkpoint(killed / CHECKPOINTS[0], network.about.fingerprint)
    assert (progress.step, progress.epochs) == (2, [])
    said = []
    with pytest.warns(UserWarning, match="mobilenet-0.75 has random weights"):
        fine_tune(table, recipe, killed, said.append)
    assert "going on after step 2: 2 epochs of 3 steps, 78 of 90 layers frozen" in said[1]
    assert contents(killed) == contents(whole)
