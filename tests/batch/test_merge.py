"""The parts of a job are merged to the bytes of one run; what is missing or strange is named."""

import json
import shutil
from pathlib import Path

import pytest

from trifuse.batch.outputs.receipts import unpack_receipts, write_receipts
from trifuse.batch.outputs.run_file import Names
from trifuse.classifiers.archive import pack, unpack

pytestmark = pytest.mark.slow

N = 3
MANIFEST_OF_A_RUN = {
    "output", "output_sha256", "exit_status", "images", "errors", "training_images", "inputs",
    "kept", "listed", "listed_sha256", "model", "inputs_sha256", "part", "options", "attempts",
    "finished", "seconds",
}  # fmt: skip


@pytest.fixture
def job(trifuse, here, archive):
    """Score an archive with two unreadable files, whole and in parts, with one name for all."""
    shutil.copytree(archive / "images", "data")
    Path("data/broken.jpg").write_text("no image")
    Path("list.csv").write_text("path,site\ndata/gone.jpg,ward\na.jpg,back\n")

    def run(suffix=".csv", *options, inputs=("data", "list.csv", "b.jpg")):
        common = ("predict", *inputs, "-m", "m.trifuse", "-q", *options)
        assert trifuse(*common, "-o", f"whole{suffix}").code == 3
        parts = [f"part-{number}{suffix}" for number in range(1, N + 1)]
        for number, part in enumerate(parts, 1):
            assert trifuse(*common, "-o", part, "--part", f"{number}/{N}").code in {0, 3}
        return parts

    return run


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".csv", ()),
        (".csv", ("--probabilities", "--id", "sha256")),
        (".jsonl", ("--id", "name")),
        (".parquet", ("--probabilities",)),
    ],
)
def test_parts_become_the_output_of_one_run(trifuse, job, suffix, options):
    parts = job(suffix, *options)
    merged = trifuse("merge", *reversed(parts), "-o", f"all{suffix}")
    assert (merged.code, merged.out) == (3, b"")
    assert merged.err == "2 of 60 images could not be read; see their rows.\n"
    assert Path(f"all{suffix}").read_bytes() == Path(f"whole{suffix}").read_bytes()
    whole, one = (Path(f"{name}{suffix}.run.inputs").read_bytes() for name in ("whole", "all"))
    assert one == whole
    assert not [path for path in Path.cwd().glob("all*") if "partial" in path.name]
    assert not list(Path.cwd().glob("*.journal"))


def test_a_merged_output_is_gone_on_with_like_any_other(trifuse, job):
    trifuse("merge", *job(), "-o", "all.csv")
    manifests = [json.loads(Path(f"{name}.csv.run.json").read_text()) for name in ("whole", "all")]
    assert manifests[1].keys() == manifests[0].keys() == MANIFEST_OF_A_RUN
    same = MANIFEST_OF_A_RUN - {"output", "attempts", "finished", "seconds"}
    assert [{name: one[name] for name in same} for one in manifests[1:]] == [
        {name: manifests[0][name] for name in same}
    ]
    assert len(manifests[1]["attempts"]) == N
    run = ("predict", "data", "list.csv", "b.jpg", "-m", "m.trifuse", "-o", "all.csv")
    again = trifuse(*run, "--resume")
    assert (again.code, again.err.splitlines()[0]) == (3, "all.csv is whole already.")
    Path("data/broken.jpg").unlink()
    assert trifuse(*run, "--update").code == 3
    assert trifuse(*run[:-1], "fresh.csv").code == 3
    assert Path("all.csv").read_bytes() == Path("fresh.csv").read_bytes()


def test_the_challenge_s_format_is_merged(trifuse, job):
    files = unpack(Path("m.trifuse").read_bytes(), "m")
    about = json.loads(files["model.json"])
    names = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
    about["classes"] = list(names)
    Path("m.trifuse").unlink()
    Path("m.trifuse").write_bytes(pack({**files, "model.json": json.dumps(about).encode()}))
    parts = job(".csv", "--format", "isic", inputs=("data",))
    assert trifuse("merge", *parts, "-o", "all.csv").code == 3
    assert Path("all.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_what_is_no_set_of_parts_is_refused(trifuse, job):
    parts = job()
    others = ("predict", "data", "list.csv", "b.jpg", "-m", "m.trifuse", "-q", "--part", f"1/{N}")
    trifuse(*others, "-o", "top.csv", "--top", "1")
    trifuse(*others[:-1], "1/2", "-o", "half.csv")
    trifuse("predict", "data", *others[4:], "-o", "fewer.csv")
    shutil.copy("part-1.csv", "bare.csv")
    for end in ("", ".run.json", ".run.inputs"):
        shutil.copy(f"part-1.csv{end}", f"copy.csv{end}")
        shutil.copy(f"part-1.csv{end}", f"cut.csv{end}")
    Path("cut.csv").write_bytes(Path("cut.csv").read_bytes()[:-30])
    first, second, third = parts
    for names, sentence in (
        ((first, third), "Part 2 of 3 is missing."),
        ((second,), "Parts 1, 3 of 3 are missing."),
        ((*parts, "copy.csv"), "part-1.csv and copy.csv are both part 1 of 3; name one of them."),
        (("top.csv", second, third), f"{second} is of another job than top.csv: it was made with "
                                     "other top."),
        ((first, second, "half.csv"), f"half.csv is of another job than {first}: it was made with "
                                      "other number of parts."),
        (("fewer.csv", second, third), f"{second} is of another job than fewer.csv: it was made "
                                       "with other columns."),
        (("whole.csv",), "whole.csv is no part of a job: it was made without --part."),
        (("bare.csv", second, third), "bare.csv has no sound manifest bare.csv.run.json: it is no "
                                      "whole part of a job."),
        (("cut.csv", second, third), "cut.csv is damaged, or was edited, since its run ended; "
                                     "begin anew by --overwrite."),
    ):  # fmt: skip
        result = trifuse("merge", *names, "-o", "all.csv")
        assert (result.code, result.err) == (1, f"Error: {sentence}\n")
        assert not list(Path.cwd().glob("all.csv*"))
    for output, sentence in (
        (first, f"{first} is itself read and must not be replaced; name another output."),
        ("part-2.csv.run.json", "part-2.csv.run.json is itself read and must not be replaced; "
                                "name another output."),
    ):  # fmt: skip
        result = trifuse("merge", *parts, "-o", output, "--overwrite")
        assert (result.code, result.err) in [(1, f"Error: {sentence}\n"), (2, result.err)]
    wrong = trifuse("merge", *parts, "-o", "all.jsonl")
    assert wrong.code == 2
    assert "The parts are of the format csv; all.jsonl has the suffix of another." in wrong.err
    assert trifuse("merge", *parts, "none.csv", "-o", "all.csv").code == 2


def test_inputs_that_changed_between_parts_are_told(trifuse, job):
    parts = job()
    shutil.copy("a.jpg", "data/new.jpg")
    options = ("-m", "m.trifuse", "-q", "--overwrite", "--part", f"3/{N}", "-o", parts[2])
    trifuse("predict", "data", "list.csv", "b.jpg", *options)
    result = trifuse("merge", *parts, "-o", "all.csv")
    assert (result.code, result.err) == (
        1,
        f"Error: The inputs were others when {parts[2]} was made than for {parts[0]}, {parts[1]}; "
        "bring them up to date, each by its trifuse predict command with --update.\n",
    )
    for number, part in enumerate(parts, 1):
        stale = (*options[:3], "--part", f"{number}/{N}", "-o", part)
        told = trifuse("predict", "data", "list.csv", "b.jpg", *stale, "--resume")
        assert ("; bring it up to date by --update" in told.err) == (number < N)
        assert (told.code == 1) == (number < N)
        trifuse("predict", "data", "list.csv", "b.jpg", *stale, "--update")
    assert trifuse("merge", *parts, "-o", "all.csv").code == 3
    trifuse("predict", "data", "list.csv", "b.jpg", *options[:3], "-o", "fresh.csv")
    assert Path("all.csv").read_bytes() == Path("fresh.csv").read_bytes()


def test_parts_that_hold_an_input_twice_are_named(trifuse, job):
    parts = job()
    receipts = Names(Path(parts[1])).receipts
    packed = receipts.read_bytes().partition(b"\n")[2]
    stale = [one._replace(ordinal=one.ordinal + 1) for one in unpack_receipts(packed)]
    with receipts.open("wb") as file:
        digest = write_receipts(file, stale)
    manifest = Path(f"{parts[1]}.run.json")
    about = {**json.loads(manifest.read_text()), "inputs_sha256": digest}
    manifest.write_text(json.dumps(about))
    result = trifuse("merge", *parts, "-o", "all.csv")
    assert result.code == 1
    assert f"{parts[1]}" in result.err
    assert result.err.endswith(
        " do not hold each of the inputs once; bring them up to date, each by its trifuse predict "
        "command with --update.\n"
    )
    options = ("-m", "m.trifuse", "-q", "--update", "--part", f"2/{N}", "-o", parts[1])
    assert trifuse("predict", "data", "list.csv", "b.jpg", *options).code in {0, 3}
    assert trifuse("merge", *parts, "-o", "all.csv").code == 3
    assert Path("all.csv").read_bytes() == Path("whole.csv").read_bytes()
