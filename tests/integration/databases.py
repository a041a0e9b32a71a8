"""A throwaway PostgreSQL of the machine's own packages, on a free port, not as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.integration.engine_process import free_port

SECONDS = 60


def programs() -> Path | None:
    """The folder of initdb and pg_ctl, newest version first; Debian keeps them off the path."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return packaged[0].parent if packaged else None


class Databases:
    """One server; a database for everyone who asks."""

    def __init__(self, bin_dir: Path) -> None:
        self._bin = bin_dir
        self._port = free_port()
        # The server refuses to run as root, and its user has to reach the folder.
        self._user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="whampoa-pg-"))
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        initialise = ["initdb", "--auth=trust", "--username=whampoa", "--encoding=UTF8"]
        self._run(*initialise, "--no-sync", "--pgdata", str(self._data))

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        options = f"-c port={self._port} -c listen_addresses=127.0.0.1 -c fsync=off"
        options += f" -c unix_socket_directories={self._folder}"
        log = str(self._folder / "log")
        self._run("pg_ctl", "start", "-w", "-D", str(self._data), "-l", log, "-o", options)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self._data))

    def make(self, name: str) -> str:
        """Make a database and give its URL."""
        where = ["-h", "127.0.0.1", "-p", str(self._port), "-U", "whampoa"]
        self._run("createdb", *where, name)
        return f"postgresql+psycopg://whampoa@127.0.0.1:{self._port}/{name}"

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *words],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=False,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            user=self._user.pw_uid if self._user else None,
            group=self._user.pw_gid if self._user else None,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.strip()}")
