"""The verb `init`: makes a data directory with keys, certificates and configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from whampoa.cli.output import Failure, JsonOption, Output


def register(application: typer.Typer) -> None:
    application.command("init")(init)


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The data directory to make.")],
    identity: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE/NAME",
            help="One more identity, for example declarant/agent-7. May be given several times.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make keys, certificates and a configuration; what is there already stays as it is."""
    from engine.authority import STANDARD, Authority
    from engine.config import CONFIG_NAME, TEMPLATE
    from engine.identity import TRUST_DOMAIN, Identity

    with Output(json) as out:
        try:
            more = [Identity.parse(TRUST_DOMAIN + words) for words in identity or []]
        except ValueError as wrong:
            raise Failure(str(wrong), exit_code=2) from wrong
        directory.mkdir(parents=True, exist_ok=True)
        authority = Authority(directory / "keys")
        authority.establish()
        made = [known.uri for known in (*STANDARD, *more) if authority.issue(known)]
        config = directory / CONFIG_NAME
        if not config.exists():
            config.write_text(TEMPLATE, encoding="utf-8")
        out.note(f"{directory}: {len(made)} identities made, configuration in {config}")
        out.result(directory=str(directory), identities=made)
