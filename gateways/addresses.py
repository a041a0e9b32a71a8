"""Where the processes of a data directory listen, as DIR/config.toml says."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENGINE = "127.0.0.1:7400"
SINGLEWINDOW = "127.0.0.1:7410"
INSTITUTIONS = {
    "customs": "127.0.0.1:7510",
    "bank": "127.0.0.1:7520",
    "safe": "127.0.0.1:7530",
    "pboc": "127.0.0.1:7540",
}
# Which institution a gateway talks to.
INSTITUTION_OF = {"singlewindow": "customs", "bank": "bank", "safe": "safe", "pboc": "pboc"}


@dataclass(frozen=True)
class Addresses:
    """Addresses of one gateway or emulator and of the servers it needs, `host:port`."""

    engine: str
    # Empty where partners do not call the gateway.
    listen: str
    institution: str
    # Where the institution's emulator listens.
    institution_listen: str
    # The institution's own section of the configuration, for example the scenario.
    institution_section: dict[str, Any] = field(default_factory=dict)
    gateway_section: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, data_dir: Path, gateway: str) -> Addresses:
        """Reads the sections that concern the gateway; what is absent has its default."""
        path = data_dir / "config.toml"
        config: dict[str, Any] = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
        name = INSTITUTION_OF[gateway]
        gateway_section = config.get("gateway", {}).get(gateway, {})
        section = config.get("institution", {}).get(name, {})
        default = section.get("listen", INSTITUTIONS[name])
        return cls(
            engine=config.get("engine", {}).get("listen", ENGINE),
            listen=gateway_section.get("listen", SINGLEWINDOW if gateway == "singlewindow" else ""),
            institution=gateway_section.get("institution", default),
            institution_listen=default,
            institution_section=section,
            gateway_section=gateway_section,
        )
