"""The engine's section of DIR/config.toml, read with one clear line for what is wrong in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from whampoa.cli.output import Failure

if TYPE_CHECKING:
    from engine.config import EngineConfig


def engine_settings(data_dir: Path) -> EngineConfig:
    """The settings, variables included. Raises `Failure` naming file, field and rule."""
    from pydantic import ValidationError

    from engine import config

    path = data_dir / config.CONFIG_NAME
    try:
        return config.read(data_dir)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Failure(f"{path}: {place}: {first['msg']}") from wrong
    except (OSError, ValueError) as wrong:
        raise Failure(f"{path}: {wrong}") from wrong
