"""The command line: ``trifuse`` and its commands."""

from __future__ import annotations

import importlib
import os
import sys

import click

from trifuse.batch.exit_codes import EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, EXIT_SIGNAL
from trifuse.batch.stop import StoppedError
from trifuse.batch.text import without_controls

COMMANDS = (
    "train", "predict", "evaluate", "info", "demo",
    "duplicates", "compare", "tune", "finetune", "backbones", "project", "explain",
)  # fmt: skip
"""In the order of the help: the job, then the studies."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Give the names of the commands, in the order of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(
            f"trifuse.batch.commands.{cmd_name}"
        ).command
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="trifuse", message="%(prog)s %(version)s")
def cli() -> None:
    """Rank the images of an archive by class: the three most probable ones, as a CSV.

    trifuse fuses Fisher vectors, VLAD and CNN embeddings. It is for research; it is no medical
    device.

    \b
    Exit codes: 0 all done, 1 failure, 2 wrong usage, 3 done but some images could not be read
    (they have their rows), 130 or 143 interrupted (predictions can be gone on with).
    """


def main() -> None:
    """Run the command line: what the user can mend becomes a sentence on stderr and an exit code.

    An output whose reader has gone, as `head` does, is click's to handle.
    """
    try:
        sys.exit(cli.main(standalone_mode=False) or EXIT_OK)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except StoppedError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_SIGNAL + error.signum)
    except Exception as error:
        if (sentence := _explain(error)) is None:
            raise
        click.echo(f"Error: {without_controls(sentence)}", err=True)
        _discard_stdout()
        sys.exit(EXIT_FAILURE)


def _explain(error: Exception) -> str | None:
    """Say what the user can mend: errors of trifuse's own classes, and the machine's limits."""
    if type(error).__module__.startswith("trifuse."):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}."
    if isinstance(error, MemoryError):
        return "There is not enough memory."
    return None


def _discard_stdout() -> None:
    """Keep Python from writing, and failing again, what a full disk did not take."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
