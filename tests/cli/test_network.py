"""No process of a job uses the network, takes a stranger's module, or leaves a temporary file."""

import os
import stat
from pathlib import Path

import pytest

GUARD = """
import os, sys

FORBIDDEN = {f"socket.{name}" for name in (
    "connect", "bind", "sendto", "sendmsg", "getaddrinfo", "gethostbyname", "gethostbyaddr")}
AF_UNIX = 1
HEAVY = {"tensorflow", "keras", "sklearn", "lightgbm", "pandas", "scipy"}

def tell(name, text):
    with open(os.path.join(os.environ["GUARD"], name), "a") as file:
        file.write(text + "\\n")

def forbid(event, arguments):
    if event in FORBIDDEN or (event == "socket.__new__" and arguments[1] != AF_UNIX):
        caller = sys._getframe(1).f_back
        if caller is None or caller.f_code.co_name != "_has_ipv6":
            tell("used", f"{event} {arguments[1:]} {sys.orig_argv}")
        raise PermissionError("the network was used")
    if event == "import" and arguments[0] in HEAVY:
        tell("heavy", f"{arguments[0]} in {sys.orig_argv}")

sys.addaudithook(forbid)
tell("processes", " ".join(sys.orig_argv))
"""
"""Libraries may swallow the error, so it is written down; as is every process that is watched, and
the import of a library that takes seconds.

When urllib3 is imported, as pydicom does by way of requests, it asks whether there is IPv6: refused
like all else, but not written down.
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, shell):
    """Run a line of shell with no network, an empty TMPDIR and a umask; gives what came of it."""
    folder = tmp_path_factory.mktemp("guard")
    (folder / "sitecustomize.py").write_text(GUARD)
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))

    def run(line, cwd, umask="022"):
        notes = tmp_path_factory.mktemp("notes")
        (notes / "tmp").mkdir()
        places = {"PYTHONPATH": path, "GUARD": str(notes), "TMPDIR": str(notes / "tmp")}
        result = shell(f"umask {umask}; {line}", cwd, **places)
        for name in ("used", "heavy"):
            note = notes / name
            setattr(result, name, note.read_text() if note.exists() else "")
        result.processes = (notes / "processes").read_text().splitlines()
        result.left = sorted(path.name for path in (notes / "tmp").rglob("*"))
        return result

    return run


class TestNoNetwork:
    @pytest.mark.parametrize(
        "code",
        [
            "socket.socket()",
            "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
            "socket.getaddrinfo('localhost', 80)",
            "socket.gethostbyname('localhost')",
            "socket.socket(socket.AF_UNIX).connect('x')",
            "socket.socket(socket.AF_UNIX).bind('x')",
            "__import__('urllib.request').request.urlopen('http://127.0.0.1:9')",
        ],
    )
    def test_the_guard_sees_it(self, guarded, tmp_path, code):
        result = guarded(f'python -c "import socket; {code}"', tmp_path)
        assert result.returncode == 1
        assert b"the network was used" in result.stderr
        assert result.used.startswith("socket.")
        assert len(result.processes) == 1

    def test_a_model_with_a_fine_tuned_network(self, guarded, here, networked_file):
        for jobs in (1, 2):
            line = f"trifuse predict in a.jpg b.jpg -m {networked_file} -o {jobs}.csv -j {jobs}"
            result = guarded(line, here)
            assert (result.returncode, result.used, result.heavy) == (0, "", "")
            assert any("workers.child_main" in process for process in result.processes)

    def test_train_and_predict(self, guarded, here, archive, recipe_file, write_dicom):
        write_dicom("in/d.dcm")
        lines = {
            "train": f"trifuse train {archive} -o new.trifuse --recipe {recipe_file} -j 2",
            "one": "trifuse predict in -m new.trifuse -o one.csv -j 1 --log log",
            "two": f"trifuse predict {archive}/images -m new.trifuse -o two.csv -j 2 --log log",
        }
        for name, line in lines.items():
            result = guarded(line, here, umask="027")
            assert (result.returncode, result.used) == (0, "")
            loky = [process for process in result.processes if "popen_loky_posix" in process]
            scoring = [process for process in result.processes if "workers.child_main" in process]
            assert (len(loky) >= 2) == (name == "train")
            assert len(scoring) == {"train": 0, "one": 1, "two": 2}[name]
            assert name == "train" or len(result.processes) == 1 + len(scoring)
            assert result.left == []  # of temporary files
            # Scoring starts in a second because it waits for none of these.
            assert (result.heavy == "") == (name != "train"), result.heavy
        for name in ("new.trifuse", "one.csv", "one.csv.run.json", "two.csv", "log"):
            assert stat.filemode(Path(name).stat().st_mode) == "-rw-r-----"


def test_no_process_takes_a_module_from_the_working_folder(shell, here, archive):
    for name in ("joblib", "multiprocessing", "numpy", "socket", "random", "trifuse", "msgspec"):
        Path(f"{name}.py").write_text("open('stranger', 'a').write(__file__)\nraise SystemExit\n")
    for jobs in (1, 2):
        line = f"trifuse predict {archive}/images -m m.trifuse -o {jobs}.csv -j {jobs} 2>&1"
        result = shell(line, here)
        assert not Path("stranger").exists(), Path("stranger").read_text()
        assert (result.returncode, result.stdout) == (0, b"56 images scored.\n")
