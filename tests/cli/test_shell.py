"""The command line in a shell: pipes, full disks, interrupts, kills."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest


@pytest.mark.measured
def test_find_and_head(shell, here, pictures):
    many = "for i in $(seq 300); do echo a.jpg; done"
    found = shell("find . -name '*.jpg' | sort | trifuse predict - -m m.trifuse -o -", here)
    assert (found.returncode, found.stderr) == (0, b"3 images scored.\n")
    names = [line.split(b",")[0] for line in found.stdout.splitlines()]
    assert names == [b"image", b"./a.jpg", b"./b.jpg", b"./in/c.jpg"]
    for jobs in (1, 2):
        head = shell(f"({many}) | trifuse predict - -m m.trifuse -o - -j {jobs} | head -n 2", here)
        assert head.stderr == b""
        assert head.stdout.count(b"\n") == 2


@pytest.mark.measured
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_stdout(shell, here):
    for line in ("trifuse predict a.jpg -m m.trifuse -o -", "trifuse info m.trifuse"):
        result = shell(f"{line} > /dev/full", here)
        assert result.returncode == 1
        assert result.stderr == b"Error: No space left on device.\n"


def test_a_full_disk(shell, here):
    # The limit would stop coverage's own file too, so this process is not measured.
    line = (
        "unset COVERAGE_PROCESS_CONFIG COVERAGE_PROCESS_START; ulimit -f 1; "
        "yes a.jpg | head -n 40 | trifuse predict - -m m.trifuse -o o.csv -j 1"
    )
    result = shell(line, here)
    assert result.returncode == 1
    assert result.stderr == b"Error: o.csv cannot be written: File too large.\n"
    assert not Path("o.csv").exists()
    whole = "for i in $(seq 40); do echo a.jpg; done | trifuse predict - -m m.trifuse"
    assert shell(f"{whole} -o o.csv --resume", here).returncode == 0
    assert shell(f"{whole} -o whole.csv", here).returncode == 0
    assert Path("o.csv").read_bytes() == Path("whole.csv").read_bytes()


@pytest.fixture
def start(here):
    """Start the command on a list that does not end, in a process group of its own."""
    started = []

    def run(*options):
        command = [Path(sys.executable).with_name("trifuse"), "predict", "-", "-m", "m.trifuse"]
        process = subprocess.Popen(
            [*command, *options], start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        process.stdin.write(b"a.jpg\nb.jpg\n" * 150)
        process.stdin.flush()
        return process

    yield run
    for process in started:
        if _lives(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_until(condition):
    for _ in range(900):
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.measured
@pytest.mark.parametrize(
    ("number", "jobs", "to_all"),
    [(signal.SIGINT, 1, True), (signal.SIGTERM, 2, True), (signal.SIGINT, 2, False)],
    ids=["Ctrl-C", "SIGTERM to all", "SIGINT to the command"],
)
def test_a_signal_finishes_the_chunk(start, here, shell, number, jobs, to_all):
    process = start("-o", "o.csv", "-j", str(jobs))
    journal = Path("o.csv.journal")
    some = re.compile(rb'"inputs": ([4-9]|\d\d)')
    assert _wait_until(lambda: journal.exists() and some.search(journal.read_bytes()))
    (os.killpg if to_all else os.kill)(process.pid, number)
    process.wait(60)  # while the list stays open: else its end could come before the signal
    _, errors = process.communicate()
    assert process.returncode == 128 + number
    match = re.fullmatch(
        r"Interrupted after (\d+) rows; go on with the same command and --resume\.",
        errors.decode().strip(),
    )
    partial = Path("o.csv.partial").read_bytes()
    assert partial.count(b"\n") == int(match[1]) + 1
    assert not Path("o.csv").exists()
    assert _wait_until(lambda: not _lives(process.pid)), "worker processes outlived the command"

    names = "for i in $(seq 150); do echo a.jpg; echo b.jpg; done"
    for output in ("o.csv", "whole.csv"):
        line = f"{names} | trifuse predict - -m m.trifuse -o {output} --resume -j 1"
        assert shell(line, here).returncode == 0
    whole = Path("whole.csv").read_bytes()
    assert Path("o.csv").read_bytes() == whole
    assert whole.startswith(partial)


def test_an_interrupt_of_a_pipe(start):
    process = start("-o", "-", "-j", "2")
    assert process.stdout.readline().startswith(b"image,")
    assert process.stdout.readline().startswith(b"a.jpg,ok,")
    os.killpg(process.pid, signal.SIGINT)
    process.wait(60)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert re.fullmatch(r"Interrupted after \d+ rows\.", errors.decode().strip())


def test_a_pipe_that_stays_open_gives_its_rows_at_once(start):
    process = start("-o", "-", "-j", "2")
    lines = [process.stdout.readline() for _ in range(301)]  # all that was asked for so far
    assert lines[300].startswith(b"b.jpg,ok,")
    process.stdin.write(b"in/c.jpg\n")
    process.stdin.flush()
    assert process.stdout.readline().startswith(b"in/c.jpg,ok,")
    process.communicate()  # the list ends
    assert process.returncode == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_kills_at_random_moments(here, shell, archive, jobs):
    line = f"trifuse predict {archive}/images {archive}/images a.jpg -m m.trifuse -j {jobs}"
    assert shell(f"{line} -o whole.csv", here).returncode == 0
    command = [Path(sys.executable).with_name("trifuse"), *line.split()[1:], "-o", "o.csv"]
    kills = 0
    for delay in (0.4, 0.7, 0.9, 1.1, 1.3):
        process = subprocess.Popen(
            [*command, "--resume", "--quiet"], start_new_session=True, stderr=subprocess.PIPE
        )
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()  # the command alone: its workers must follow
            kills += 1
        process.communicate()
        if process.returncode == 0:
            break
    assert shell(f"{line} -o o.csv --resume", here).returncode == 0
    assert Path("o.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert kills > 0
    assert not list(here.glob("*.partial"))
    assert not list(here.glob("*.journal"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_kills_at_random_moments_of_an_update(here, shell, archive, jobs):
    line = f"trifuse predict many - -m m.trifuse -j {jobs}"
    names = f"for i in 1 2; do ls {archive}/images/*; done"
    assert shell(f"cp -r {archive}/images many; {names} | head -60 | {line} -o o.csv", here)
    assert shell("rm many/*_a_*; touch many/*_b_*; cp a.jpg many/new.jpg", here).returncode == 0
    assert shell(f"{names} | {line} -o whole.csv", here).returncode == 0
    old, kills = Path("o.csv").read_bytes(), 0
    for delay in (0.5, 0.8, 1.0, 1.2, 1.4):
        command = f"exec {Path(sys.executable).with_name('trifuse')}{line[7:]} -o o.csv"
        process = subprocess.Popen(
            ["bash", "-c", f"{command} --update --quiet < <({names})"],
            start_new_session=True, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        process.communicate()
        if process.returncode == 0:
            break
        assert Path("o.csv").read_bytes() in {old, Path("whole.csv").read_bytes()}
    assert shell(f"{names} | {line} -o o.csv --update", here).returncode == 0
    for end in ("", ".run.inputs"):
        assert Path(f"o.csv{end}").read_bytes() == Path(f"whole.csv{end}").read_bytes()
    assert kills > 0
    assert not list(here.glob("o.csv.[!r]*"))


def test_a_killed_command_leaves_no_words(start, here):
    process = start("-o", "o.csv", "-j", "2", "--quiet")
    journal = Path("o.csv.journal")
    assert _wait_until(lambda: journal.exists() and b'"inputs": 4' in journal.read_bytes())
    process.kill()
    _, errors = process.communicate()  # until the last of its helpers has closed it
    assert errors == b""
    assert _wait_until(lambda: not _lives(process.pid))


def test_light_commands_import_nothing_heavy(shell, here):
    code = textwrap.dedent("""
        import sys
        from trifuse.cli.main import main
        try:
            main()
        except SystemExit as exit:
            assert not exit.code, exit.code
        heavy = "tensorflow", "keras", "sklearn", "lightgbm", "pandas", "scipy", "joblib"
        print([name for name in heavy if name in sys.modules], file=sys.stderr)
    """)
    Path("run.py").write_text(code)
    scoring = "predict a.jpg -m m.trifuse -o - -j 1"
    for arguments in (scoring, "info m.trifuse", "backbones", "--help"):
        result = shell(f"python run.py {arguments}", here)
        assert (result.returncode, result.stderr.splitlines()[-1]) == (0, b"[]")


def test_a_child_is_started_before_numpy_is_imported(shell, here):
    Path("run.py").write_text(
        "import sys, trifuse.cli.predict\n"
        "print([name for name in ('numpy', 'PIL', 'cv2') if name in sys.modules])\n"
    )
    assert shell("python run.py", here).stdout == b"[]\n"


def test_train_gives_the_same_bytes_with_more_jobs(shell, here, archive, recipe_file, model_file):
    line = f"trifuse train {archive} -o new.trifuse --recipe {recipe_file} --jobs 2"
    result = shell(line, here)
    assert result.returncode == 0
    lines = [line for line in result.stderr.decode().splitlines() if ": done in " not in line]
    assert lines == [
        "trying the recipe on a few images",
        "looking for duplicates: 56 images",
        "comparing images: 56 images",
        "aligning images: 56 images",
        "warning: classes have fewer than 5 groups (lesions): synthetic_b 3, synthetic_d 4; how "
        "well they are recognised cannot be judged",
        "sampling descriptors: 56 images",
        "fitting the codebooks: sift, color",
        "encoding images: 56 images",
        "fitting the ensemble: 56 images, 2 folds",
    ]
    assert result.stdout.decode().startswith("| figure ")
    assert Path("new.trifuse").read_bytes() == model_file.read_bytes()


UNREADABLE = "cannot be read: Bad file descriptor.\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("trifuse predict a.jpg -m m.trifuse -o o.csv <&-", (0, "1 image scored.\n")),
        ("trifuse predict a.jpg -m m.trifuse -o o.csv >&-", (0, "1 image scored.\n")),
        ("trifuse predict a.jpg -m m.trifuse -o o.csv 2>&-", (0, "")),
        ("trifuse predict a.jpg -m m.trifuse -o o.csv <&- >&- 2>&-", (0, "")),
        ("trifuse predict a.jpg -m m.trifuse -o o.csv 2>/dev/full", (0, "")),
        (
            "trifuse predict - -m m.trifuse -o - <&-",
            (1, f"Error: The list of images on standard input {UNREADABLE}"),
        ),
        ("trifuse predict a.jpg -m m.trifuse -o - >&-", (1, "Error: Bad file descriptor.\n")),
        ("trifuse info m.trifuse >&-", (1, "Error: Bad file descriptor.\n")),
    ],
)
def test_closed_streams(shell, here, line, expected):
    result = shell(line, here)
    assert (result.returncode, result.stderr.decode()) == expected
    assert not list(here.glob("*.partial"))
    if "o.csv" in line:  # no other file got the number of a closed stream
        assert Path("o.csv").read_bytes().count(b"\n") == 2


def test_a_working_folder_that_is_gone(shell, here):
    Path("gone").mkdir()
    options = f"-m {here}/m.trifuse -o {here}/o.csv"
    result = shell(f"rmdir ../gone; trifuse predict {here}/a.jpg {options} -j 2", here / "gone")
    assert result.returncode == 1
    sentence = "Error: The working folder is gone; change to one that exists."
    assert result.stderr.decode().splitlines()[-1] == sentence
