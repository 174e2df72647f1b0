"""The libraries that trifuse is built on: their versions, and how to get one that is missing."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

MODULES = {
    "trifuse": "trifuse",
    "ai_edge_litert": "ai-edge-litert",
    "cv2": "opencv",
    "lightgbm": "lightgbm",
    "numpy": "numpy",
    "PIL": "pillow",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "tensorflow": "tensorflow",
}
"""Modules, and what files call the library that each is imported from: several distributions give
the same cv2, so no distribution's name is relied on."""

DEBIAN_PACKAGES = {
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libstdc++.so.6": "libstdc++6",
    "libxcb.so.1": "libxcb1",
}
"""Libraries of the system that libraries of Python need, and what brings them."""

_NOT_FOUND = re.compile(r"([\w+.-]+\.so[.\d]*): cannot open shared object file")
_NOT_FOUND_ON_MACOS = re.compile(r"Library not loaded: (?:\S*/)?([\w+.-]+\.dylib)")


class LibraryError(RuntimeError):
    """A library that cannot be loaded; the message says how to get it."""


class ExtraError(ValueError):
    """A library that not every user has is missing; the message says what to install."""


def find_versions(modules: Iterable[str] = MODULES) -> dict[str, str]:
    """Give the versions of libraries as the imported modules themselves say.

    Parameters
    ----------
    modules : iterable of str
        Keys of `MODULES`.

    Returns
    -------
    dict of str to str
        By the names of `MODULES`, without what this process has not imported.

    Examples
    --------
    >>> import numpy
    >>> find_versions(["numpy"]) == {"numpy": numpy.__version__}
    True
    """
    found = {MODULES[name]: _find_version(name) for name in modules}
    return {name: version for name, version in found.items() if version is not None}


def _find_version(module: str) -> str | None:
    if module == "trifuse":  # a namespace package, which has no attributes
        try:
            return metadata.version(module)
        except metadata.PackageNotFoundError:
            return None
    version = getattr(sys.modules.get(module), "__version__", None)
    return None if version is None else str(version)


def require_lightgbm() -> None:
    """Find out in milliseconds whether LightGBM can be loaded, long before it is needed.

    To import it takes two seconds; what may be missing is a library of the system, which pip
    cannot bring, and to load its native code tells that.

    Raises
    ------
    LibraryError
        If it is not installed or cannot be loaded.
    """
    spec = find_spec("lightgbm")
    if spec is None or spec.origin is None:
        raise LibraryError(_explain_module("lightgbm"))
    try:
        for file in Path(spec.origin).parent.rglob("lib_lightgbm.*"):
            ctypes.CDLL(str(file))
    except OSError as error:
        sentence = explain_import(error)
        raise LibraryError(sentence or f"LightGBM cannot be loaded: {error}.") from error


@contextmanager
def need_extra(extra: str) -> Iterator[None]:
    """Turn the missing library of an import below into the sentence that says what to install.

    Parameters
    ----------
    extra : str
        Of trifuse, with the library.

    Raises
    ------
    ExtraError

    Examples
    --------
    >>> with need_extra("studies"):
    ...     import a_library_that_is_not_there
    Traceback (most recent call last):
    ...
    trifuse.features.libraries.ExtraError: this needs a_library_that_is_not_there, which is not \
installed; run: pip install "trifuse[studies]"
    """
    try:
        yield
    except ModuleNotFoundError as error:
        msg = (
            f'this needs {error.name}, which is not installed; run: pip install "trifuse[{extra}]"'
        )
        raise ExtraError(msg) from error


def require_modules(extra: str, *names: str) -> None:
    """Import libraries that long work needs in the end: what is missing is told before it.

    Raises
    ------
    ExtraError
    """
    with need_extra(extra):
        for name in names:
            import_module(name)


def explain_import(error: Exception) -> str | None:
    """Say in a sentence which library cannot be loaded, and how to get it.

    Parameters
    ----------
    error : Exception
        What importing a module has raised.

    Returns
    -------
    str or None
        None if the error is of another kind.

    Examples
    --------
    >>> explain_import(ImportError("libz.so.1: cannot open shared object file: No such file"))
    'The library libz.so.1 of the system is missing; install the package that holds it.'
    """
    if not isinstance(error, (ImportError, OSError)):
        return None
    if found := _NOT_FOUND.search(str(error)) or _NOT_FOUND_ON_MACOS.search(str(error)):
        return f"The library {found[1]} of the system is missing; {_remedy(found[1])}."
    name = getattr(error, "name", None) or ""
    module = name.partition(".")[0]
    if module in {"", "trifuse"}:
        return None
    if isinstance(error, ModuleNotFoundError):
        return _explain_module(module)
    return f"The library {name} cannot be loaded ({error}); install it anew."


def _explain_module(module: str) -> str:
    what = "opencv-contrib-python" if module == "cv2" else MODULES.get(module, module)
    return f"The Python library {module} is not installed; run pip install {what}."


def _remedy(library: str) -> str:
    if library.startswith("libomp"):
        return "run brew install libomp"
    package = DEBIAN_PACKAGES.get(library)
    if package is None:
        return "install the package that holds it"
    remedy = f"run apt-get install {package}, or install what holds it on your system"
    if library in {"libGL.so.1", "libxcb.so.1", "libglib-2.0.so.0", "libgthread-2.0.so.0"}:
        return (
            f"{remedy}, or take the build of OpenCV that needs none: pip uninstall "
            "opencv-contrib-python, then pip install opencv-contrib-python-headless"
        )
    return remedy
