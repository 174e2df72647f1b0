"""The command line: ``trifuse`` and its commands."""

from __future__ import annotations

import importlib
import os
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TextIO

import click

from trifuse.batch.ending import (
    EXIT_FAILURE,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_SIGNAL,
    StoppedError,
    explain_error,
)
from trifuse.cli.say import say, show_stages

COMMANDS = (
    "split", "train", "predict", "report", "merge", "evaluate", "agreement", "info", "models",
    "package", "demo", "duplicates", "compare", "tune", "finetune", "backbones", "project",
    "explain",
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
        command: click.Command = importlib.import_module(f"trifuse.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; one that is not there may have been mistyped."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if not (near := get_close_matches(args[0], COMMANDS, n=1)):
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="trifuse", message="%(prog)s %(version)s")
def cli() -> None:
    """Rank the images of an archive by class: the three most probable ones, as a CSV.

    trifuse fuses Fisher vectors, VLAD and CNN embeddings. It is for research; it is no medical
    device.

    \b
    Exit codes: 0 all done, 1 failure, 2 wrong usage, 3 done but some images could not be read
    (they have their rows), 4 nothing to score, 130 or 143 interrupted (predictions can be gone on
    with).
    """
    try:
        Path.cwd()  # what starts processes needs it, hours later
    except FileNotFoundError as error:
        msg = "The working folder is gone; change to one that exists."
        raise click.ClickException(msg) from error


def main() -> None:
    """Run the command line: what the user can mend becomes a sentence on stderr and an exit code.

    An output whose reader has gone, as `head` does, is click's to handle.
    """
    _stand_in_for_closed()
    os.environ["PYTHONSAFEPATH"] = "1"  # no process takes a module from a stranger's folder
    show_stages()
    try:
        sys.exit(cli.main(standalone_mode=False) or EXIT_OK)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted.")
        sys.exit(EXIT_INTERRUPTED)
    except StoppedError as error:
        say(str(error))
        sys.exit(EXIT_SIGNAL + error.signum)
    except Exception as error:
        if (sentence := explain_error(error)) is None:
            raise
        say(f"Error: {sentence}")
        _discard(sys.stdout)  # what a full disk did not take would be written, and fail, again
        sys.exit(EXIT_FAILURE)
    finally:
        try:
            sys.stderr.flush()
        except OSError:
            _discard(sys.stderr)  # else Python would end with a code of its own


def _stand_in_for_closed() -> None:
    """Open what the caller closed of stdin, stdout and stderr, as errors or as silence.

    Else the next files to be opened get these numbers, and what is meant for a terminal. Reading
    such a stdin and writing such a stdout fail, as they would if they were closed.
    """
    for number, flags in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the lowest number is free
            os.set_inheritable(number, True)
    sys.stdin = sys.stdin or os.fdopen(0, "r", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _discard(stream: TextIO) -> None:
    """Lose what is still to be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
