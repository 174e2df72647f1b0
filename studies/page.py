"""HTML pages of one file: templates, and pictures as data, so that a page works without network."""

from __future__ import annotations

import base64
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.features.libraries import need_extra
from trifuse.features.resize import shrink

if TYPE_CHECKING:
    from jinja2 import Environment

JPEG_QUALITY = 85


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
    small = np.ascontiguousarray(shrink(image, side)[:, :, ::-1])
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return picture_uri(encoded.tobytes(), "jpeg")


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
