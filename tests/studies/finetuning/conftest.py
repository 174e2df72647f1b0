"""The small archive as a table, and one fine-tuned network."""

from types import SimpleNamespace

import pytest

from trifuse.datasets.load import load_dataset
from trifuse.studies.finetuning.finetune import fine_tune, open_folder


@pytest.fixture(scope="session")
def table(archive):
    return load_dataset(str(archive))


@pytest.fixture
def tune(table, finetuning, small_backbone, tmp_path):
    """Fine-tune the small backbone in a folder; gives the network and what was said."""

    def run(folder=tmp_path / "tuned", data=table, recipe=None, overwrite=False):
        said = []
        network = fine_tune(
            data, recipe or finetuning(), open_folder(folder, overwrite), said.append
        )
        return SimpleNamespace(network=network, said=said, folder=folder)

    return run
