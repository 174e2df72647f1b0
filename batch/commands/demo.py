"""``trifuse demo``."""

from __future__ import annotations

import click

from trifuse.batch.commands.options import jobs_option


@click.command("demo")
@click.option("-o", "--output", default="demo", show_default=True, metavar="FOLDER",
              help="Where the archive, the model and the predictions are written.")  # fmt: skip
@jobs_option()
def command(output: str, jobs: int) -> None:
    """Do the whole job on a small synthetic archive: generate, train, score, evaluate.

    The pictures are drawn by a program; they show that trifuse works, not how well it does on
    real images.

    \b
    trifuse demo
    """
    from trifuse.batch.demo import run_demo

    run_demo(output, jobs, click.echo)
