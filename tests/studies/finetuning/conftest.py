"""The small archive as a table, and fine-tunings of a network of few layers."""

from types import SimpleNamespace

import pytest

from trifuse.datasets.load import load_dataset
from trifuse.studies.finetuning.finetune import fine_tune, open_folder


@pytest.fixture(scope="session")
def table(archive):
    return load_dataset(str(archive))


@pytest.fixture(scope="session")
def contents():
    """Read all files of a folder; bytes by name."""
    return lambda folder: {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="session")
def tune(table, finetuning, few_layers):
    """Fine-tune in a folder; gives the network, the folder and what was said."""

    def run(folder, data=table, recipe=None):
        said = []
        with few_layers():
            network = fine_tune(
                data, recipe or finetuning(), open_folder(folder, overwrite=False), said.append
            )
        return SimpleNamespace(network=network, said=said, folder=folder)

    return run


@pytest.fixture(scope="session")
def tuned(tune, tmp_path_factory):
    """A fine-tuning that nothing interrupted; nobody may change it."""
    return tune(tmp_path_factory.mktemp("tuned"))
