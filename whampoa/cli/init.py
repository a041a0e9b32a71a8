"""The verb `init`: makes a data directory with keys, certificates and configuration."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whampoa.cli.output import Failure, JsonOption, Output

if TYPE_CHECKING:
    from engine.identity import Identity

CONFIG_NAME = "config.toml"


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
    from engine.identity import TRUST_DOMAIN, Identity

    with Output(json) as out:
        try:
            more = [Identity.parse(TRUST_DOMAIN + words) for words in identity or []]
        except ValueError as wrong:
            raise Failure(str(wrong), exit_code=2) from wrong
        made = establish(directory, more)
        config = directory / CONFIG_NAME
        out.note(f"{directory}: {len(made)} identities made, configuration in {config}")
        out.result(directory=str(directory), identities=made)


def establish(directory: Path, more: Iterable[Identity] = ()) -> list[str]:
    """Makes what is missing; the identities that were made."""
    from engine.authority import STANDARD, Authority
    from engine.config import TEMPLATE

    directory.mkdir(parents=True, exist_ok=True)
    authority = Authority(directory / "keys")
    authority.establish()
    made = [known.uri for known in (*STANDARD, *more) if authority.issue(known)]
    config = directory / CONFIG_NAME
    if not config.exists():
        config.write_text(TEMPLATE, encoding="utf-8")
    return made
