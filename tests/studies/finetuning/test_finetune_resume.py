"""A fine-tuning that was killed goes on, and ends in the very bytes of one that was not."""

import pytest

from trifuse.studies.finetuning.finetune import NETWORK_FILE
from trifuse.studies.finetuning.judged_trainer import JudgedTrainer
from trifuse.training.networks import trainer as trainer_module

pytestmark = pytest.mark.slow

STEPS = 3
"""Of an epoch."""


class KilledError(Exception):
    """What stands for a kill in this process."""


@pytest.fixture
def kill(monkeypatch, tune):
    """Fine-tune until a step, or the validation after it, and end there."""

    def run(folder, at, save_seconds):
        def dies(name):
            method = getattr(JudgedTrainer, name)

            def run_or_die(self, *arguments):
                if (name, self.progress.step) == at:
                    raise KilledError
                return method(self, *arguments)

            return run_or_die

        with monkeypatch.context() as patch:
            patch.setattr(trainer_module, "SAVE_SECONDS", save_seconds)
            for name in ("_learn", "measure"):
                patch.setattr(JudgedTrainer, name, dies(name))
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
