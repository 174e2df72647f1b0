"""Libraries that not every user of trifuse has."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module


class ExtraError(ValueError):
    """A library is missing; the message says what to install."""


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
    trifuse.studies.extra.ExtraError: this needs a_library_that_is_not_there, which is not \
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
