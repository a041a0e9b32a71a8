"""The verb `version`: what is installed, for reports of trouble."""

import importlib.util
import platform
from importlib.metadata import version as installed

import typer
from google.protobuf.internal import api_implementation

from whampoa.cli.output import JsonOption, Output


def register(application: typer.Typer) -> None:
    application.command("version")(version)


def version(json: JsonOption = False) -> None:
    """Say which version this is, and what it runs on."""
    with Output(json) as out:
        found = {
            "whampoa": installed("whampoa"),
            "core": "compiled" if importlib.util.find_spec("engine._core") else "missing",
            "python": platform.python_version(),
            "grpcio": installed("grpcio"),
            "protobuf": f"{installed('protobuf')} ({api_implementation.Type()})",
        }
        out.answer(f"whampoa {found['whampoa']}")
        out.table("Runs on", ["part", "version"], list(found.items())[1:])
        out.result(**found)
