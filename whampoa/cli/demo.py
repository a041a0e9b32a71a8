"""The verb `demo`: the whole corridor on embedded defaults, real processes, real messages."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whampoa.cli.output import Failure, JsonOption, Output

if TYPE_CHECKING:
    from bench.demo.play import Story


# Few parcels have few merchants, so that every merchant has some.
MERCHANTS_MIN, MERCHANTS_MAX, PARCELS_PER_MERCHANT = 24, 200, 10


def register(application: typer.Typer) -> None:
    application.command("demo")(demo)


def demo(
    trades: Annotated[
        int, typer.Option(min=1, help="Parcels to generate; below 240 nothing goes wrong.")
    ] = 10_000,
    merchants: Annotated[
        int | None,
        typer.Option(min=24, max=8_000, help="Merchants; default: 200, fewer for few parcels."),
    ] = None,
    documents: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Send the *.xml files of DIR instead of generated ones."),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir", metavar="DIR", help="Keep everything in DIR; default: thrown away."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run engine, gateways and institutions; declare parcels and follow them to paid merchants."""
    from bench.demo import play, report
    from bench.demo.partners import NeverHappened
    from bench.demo.processes import ProcessFailed
    from bench.refusal import Refused

    if documents is not None and not documents.is_dir():
        raise typer.BadParameter(f"{documents} is no folder", param_hint="--documents")
    if data_dir is not None and (data_dir / "journal").exists():
        raise typer.BadParameter(f"{data_dir} holds a journal already", param_hint="--data-dir")
    files = None if documents is None else sorted(documents.glob("*.xml"))
    if files == []:
        raise typer.BadParameter(f"{documents} holds no *.xml file", param_hint="--documents")
    number = merchants or max(MERCHANTS_MIN, min(MERCHANTS_MAX, trades // PARCELS_PER_MERCHANT))
    with Output(json) as out:
        directory = data_dir or Path(tempfile.mkdtemp(prefix="whampoa-demo-"))
        try:
            with out.stages() as loaded:
                story = asyncio.run(play.perform(directory, trades, number, files, loaded))
        except (ProcessFailed, NeverHappened, Refused) as failure:
            raise Failure(str(failure)) from failure
        finally:
            if data_dir is None:
                shutil.rmtree(directory, ignore_errors=True)
        _show(out, story)
        result = report.result(story)
        out.result(**result, ok=all(result[name] for name in ("chain_ok", "laws_ok", "books_ok")))


def _show(out: Output, story: Story) -> None:
    from bench.demo import report

    for title, columns, rows in report.tables(story):
        if rows:
            out.table(title, columns, rows)
