"""The configuration of a data directory: DIR/config.toml, overridden by WHAMPOA_… variables."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

CONFIG_NAME = "config.toml"

TEMPLATE = """\
# Whampoa: where the processes of this data directory listen. Every value below is the default.

[engine]
log = "whampoa-1"
listen = "127.0.0.1:7400"
metrics = "127.0.0.1:7401"
# Where queries read; empty is DIR/projections.sqlite. For example "postgresql+psycopg://host/name".
projections = ""
segment_mib = 64
snapshot_rows = 2000000

[gateway.singlewindow]
listen = "127.0.0.1:7410"

[institution.customs]
listen = "127.0.0.1:7510"

[institution.bank]
listen = "127.0.0.1:7520"

[institution.safe]
listen = "127.0.0.1:7530"

[institution.pboc]
listen = "127.0.0.1:7540"
"""


class EngineConfig(BaseModel):
    """Section `[engine]`."""

    model_config = ConfigDict(extra="forbid")

    # Name of the log; every position names it.
    log: str = Field(default="whampoa-1", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    listen: str = "127.0.0.1:7400"
    # Empty: no metrics are served.
    metrics: str = "127.0.0.1:7401"
    projections: str = ""
    # Not below the size of the largest entry.
    segment_mib: int = Field(default=64, ge=4, le=1024)
    # A snapshot is made after so many rows, and at a clean stop; 0: none is made or read.
    snapshot_rows: int = Field(default=2_000_000, ge=0)


class Config(BaseSettings):
    """What the engine reads; sections of gateways and institutions are read by them."""

    model_config = SettingsConfigDict(
        env_prefix="WHAMPOA_", env_nested_delimiter="__", extra="ignore"
    )

    engine: EngineConfig = EngineConfig()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables win over the file; nothing else counts."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def read(data_dir: Path) -> EngineConfig:
    """The engine's section. Raises `pydantic.ValidationError` naming field and rule."""

    class OfDirectory(Config):
        model_config = SettingsConfigDict(toml_file=data_dir / CONFIG_NAME)

    return OfDirectory().engine
