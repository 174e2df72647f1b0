"""HTML pages of one file: templates, and pictures as data, so that a page works without network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trifuse.features.libraries import need_extra
from trifuse.features.resize import encode_thumbnail

if TYPE_CHECKING:
    from jinja2 import Environment


def render_page(template: str, title: str, **content: Any) -> str:
    """Fill a page of `trifuse/studies/templates`.

    Whatever is filled in is escaped, and a name that the template knows and `content` does not is
    an error. The page's content security policy forbids everything but what is in the page.

    Parameters
    ----------
    template : str
        File name; it extends ``base.html``.
    title : str
    **content
        What the template names.

    Raises
    ------
    ExtraError
        If Jinja is not installed.
    """
    page = _environment().get_template(template)
    return page.render(title=title, version=metadata.version("trifuse"), **content)


def inline_parts(styles: Sequence[str], scripts: Sequence[str]) -> dict[str, Any]:
    """Put files of `trifuse/studies/templates` into a page that lets run these and no others.

    Parameters
    ----------
    styles, scripts : sequence of str
        File names.

    Returns
    -------
    dict
        For `render_page`.

    Raises
    ------
    ExtraError
        If Jinja is not installed.
    """
    with need_extra("studies"):
        from markupsafe import Markup
    folder = files("trifuse.studies") / "templates"
    style, script = (
        "".join((folder / name).read_text("utf-8") for name in names) for names in (styles, scripts)
    )
    return {
        "style": Markup(style),  # noqa: S704 - our own files
        "script": Markup(script),  # noqa: S704
        "style_allowed": Markup(allow(style)),  # noqa: S704
        "script_allowed": Markup(allow(script)),  # noqa: S704
    }


def allow(content: str) -> str:
    """Give the source by which a content security policy allows a style or script: its SHA-256."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def json_for_page(value: Any) -> str:
    r"""Write JSON that is one script whatever it holds: in pure ASCII, and without ``<``.

    Examples
    --------
    >>> print(json_for_page(["</script>", "é"]))
    ["\u003c/script>","\u00e9"]
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def picture_uri(content: bytes, kind: str = "png") -> str:
    """Give the bytes of a picture as the ``src`` of an ``img``.

    Examples
    --------
    >>> picture_uri(b"GIF89a", "gif")
    'data:image/gif;base64,R0lGODlh'
    """
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def thumbnail_uri(image: NDArray[np.uint8], side: int) -> str:
    """Give an RGB image, uint8 (rows, columns, 3), as a small JPEG of `side` pixels at most."""
    return picture_uri(encode_thumbnail(image, side), "jpeg")


@cache
def _environment() -> Environment:
    with need_extra("studies"):
        from jinja2 import Environment, PackageLoader, StrictUndefined
    return Environment(
        loader=PackageLoader("trifuse.studies"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
