"""An archive that changes under an output, and runs that end before they are whole."""

import shutil
import zipfile
from pathlib import Path

import pytest

from trifuse.batch import job
from trifuse.batch.inputs.items import InputOptions, Selection
from trifuse.batch.outputs.run_file import Names, RunFile
from trifuse.batch.workers.pool import ChunkSize

INPUTS = ("many", "in.zip", "table.csv")


class Archive:
    """A folder `many`, a zip and a table of pictures, and two odd files that can be no images."""

    def __init__(self, pictures):
        self.pictures = pictures
        for number, picture in enumerate(pictures[:12]):
            path = Path("many", f"{'abc'[number % 3]}", f"{number:02}.jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, path)
        Path("many/a/bad.png").write_text("no image")
        Path("many/c/cut.jpg").write_bytes(Path(pictures[0]).read_bytes()[:900])
        self.pack(pictures[12:18])
        rows = "".join(f"{path},{n},arm\n" for n, path in enumerate(pictures[18:22]))
        Path("table.csv").write_text(f"path,id,site\n{rows}")

    def pack(self, pictures):
        with zipfile.ZipFile("in.zip", "w") as archive:
            for picture in pictures:
                archive.writestr(Path(picture).name, Path(picture).read_bytes())

    def come(self):
        shutil.copy(self.pictures[30], "many/b/00_new.jpg")
        shutil.copy(self.pictures[31], "many/zz.jpg")

    def go(self):
        Path("many/a/00.jpg").unlink()
        Path("many/c/cut.jpg").unlink()

    def change(self):
        shutil.copy(self.pictures[33], "many/b/04.jpg")

    def repair(self):
        shutil.copy(self.pictures[33], "many/a/bad.png")

    def edit_the_table(self):
        text = Path("table.csv").read_text().splitlines(keepends=True)
        Path("table.csv").write_text(text[0] + text[3].replace("arm", "leg") + text[1] + text[2])

    def pack_anew(self):
        self.pack([self.pictures[34], *self.pictures[12:16]])

    def empty(self):
        """Be as a folder is that nothing is mounted on."""
        shutil.rmtree("many")
        Path("many").mkdir()

    def come_to_part(self, part):
        """Add an image that stands before all others, and belongs to one of two parts."""
        selection = Selection(InputOptions((), part=(part, 2)))
        names = (f"many/a/-{number}.jpg" for number in range(99))
        shutil.copy(self.pictures[30], next(name for name in names if selection.in_part(name)))


@pytest.fixture
def archived(here, pictures):
    """The archive, in the working folder."""
    return Archive(pictures)


@pytest.fixture
def predict(trifuse, archived):
    """Run the command on all inputs, with one job."""

    def run(*options, output="o.csv", inputs=INPUTS, stdin=b""):
        arguments = ["predict", *inputs, "-m", "m.trifuse", "-o", output, "-j", "1", *options]
        return trifuse(*arguments, stdin=stdin)

    return run


@pytest.fixture
def interrupt(predict, monkeypatch):
    """End a run before it writes one chunk more."""

    def run(chunks, *options, output="o.csv", inputs=INPUTS):
        left = [chunks]
        real = RunFile.append

        def append(self, rows, receipts):
            left[0] -= bool(receipts)
            if left[0] < 0:
                raise KeyboardInterrupt
            real(self, rows, receipts)

        with monkeypatch.context() as patch:
            patch.setattr(RunFile, "append", append)
            patch.setattr(ChunkSize, "is_full", lambda self, chunk: len(chunk) >= 2)
            result = predict(*options, output=output, inputs=inputs)
        assert result.code == 130

    return run


@pytest.fixture
def scored(monkeypatch):
    """The names of the inputs that are scored."""
    names = []
    real = job.Target.write

    def write(self, scored):
        names.extend(item.name for item, _ in scored)
        return real(self, scored)

    monkeypatch.setattr(job.Target, "write", write)
    return names


@pytest.fixture
def files():
    """Give the bytes of an output and of its receipts."""

    def read(output="o.csv"):
        return Path(output).read_bytes(), Names(Path(output)).receipts.read_bytes()

    return read
