"""``trifuse models``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from trifuse.batch.ending import EXIT_FAILURE, EXIT_OK
from trifuse.cli.say import say, show
from trifuse.cli.shared_options import json_option

NONE = (
    "No model is installed. A ready model is a package: pip install it, or make one of a model "
    "file by trifuse package."
)


@click.command("models")
@json_option
def command(as_json: bool) -> int:
    """List the installed models: what -m takes by name instead of a path.

    Of each its version, data, licence, out-of-fold figures with intervals, and the SHA-256 of its
    file. One that cannot be used is told on stderr, and the exit code is then 1.

    \b
    trifuse models
    """
    from trifuse.classifiers.archive import ModelFileError
    from trifuse.classifiers.packages.installed_models import (
        InstalledModelError,
        describe_installed,
        find_installed,
        installed_names,
    )

    found, code = [], EXIT_OK
    for name in (names := installed_names()):
        try:
            found.append(describe_installed(find_installed(name)))
        except (InstalledModelError, ModelFileError) as error:
            say(str(error))
            code = EXIT_FAILURE
    if as_json:
        show(json.dumps(found))
    elif found:
        show("\n\n".join(map(_render, found)))
    if not names:
        say(NONE)
    return code


def _render(model: Mapping[str, Any]) -> str:
    from trifuse.classifiers.text_tables import TITLES, with_interval

    lines = {
        "data": model["data"] or "not stated",
        "licence": model["license"] or "not stated",
        "trained on": f"{model['images']:,} images of {model['groups']:,} groups",
        "classes": ", ".join(model["classes"]),
        **{
            TITLES[name]: with_interval(figure["value"], figure["interval"])
            for name, figure in model["figures"].items()
        },
        "SHA-256": model["sha256"],
    }
    width = max(map(len, lines))
    title = f"{model['name']} {model['version']} ({model['distribution']})"
    return "\n".join([title, *(f"  {key:{width}}  {value}" for key, value in lines.items())])
