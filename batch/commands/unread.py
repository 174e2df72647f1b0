"""What commands say of images that could not be read, and the exit code for it."""

from __future__ import annotations

import click

from trifuse.batch.exit_codes import EXIT_OK, EXIT_SOME_UNREAD


def tell_unread(n_unread: int, n_images: int) -> int:
    """Tell on stderr how many images are left out, if any are; give the exit code."""
    if not n_unread:
        return EXIT_OK
    text = f"{n_unread} of {n_images} images could not be read and are left out."
    click.echo(text, err=True)
    return EXIT_SOME_UNREAD
