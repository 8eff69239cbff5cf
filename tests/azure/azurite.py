"""Azurite, Microsoft's own stand-in for blob storage: installed by npm once, on a free port of this machine."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import pytest

PACKAGE = "azurite@3.35.0"  # newer ones need a newer Node than Debian has
ACCOUNT = "triptychtest"
_INSTALL_TIMEOUT_S = 300
_START_TIMEOUT_S = 60


@dataclass(frozen=True)
class BlobStorage:
    """A blob service at work."""

    connection: str
    """For AZURE_STORAGE_CONNECTION_STRING."""

    def create_container(self, prefix: str) -> str:
        """Make a container nobody else uses, and give its `abfs://` address."""
        name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        self.filesystem().mkdir(name)
        return f"abfs://{name}@{ACCOUNT}.dfs.core.windows.net"

    def filesystem(self) -> Any:
        """Open it, listing anew each time."""
        options = {"skip_instance_cache": True, "use_listings_cache": False}
        return fsspec.filesystem("abfs", connection_string=self.connection, **options)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlobStorage]:
    """Start Azurite for all tests that ask for it, and stop it after them; skip them where it cannot be had."""
    program, folder = _install(), tmp_path_factory.mktemp("azurite")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    options = ["--location", str(folder), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--disableTelemetry"]
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"}
    log = (folder / "log").open("w")
    command = [str(program), *options, "--skipApiVersionCheck"]
    process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        _wait_for(port, process)
        address = f"http://127.0.0.1:{port}/{ACCOUNT}"
        credentials = f"AccountName={ACCOUNT};AccountKey={key}"
        yield BlobStorage(f"DefaultEndpointsProtocol=http;{credentials};BlobEndpoint={address};")
    finally:
        process.terminate()
        process.wait(30)
        log.close()


@pytest.fixture
def blobs(azurite: BlobStorage, monkeypatch: pytest.MonkeyPatch) -> BlobStorage:
    """Let everything that opens `abfs://` find Azurite."""
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azurite.connection)
    return azurite


def _install() -> Path:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("Azurite needs npm, and there is none on the PATH")
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "triptych-azurite"
    folder = Path(os.environ.get("TRIPTYCH_AZURITE") or default) / PACKAGE
    if not folder.is_dir():
        part = folder.with_name(f".{PACKAGE}-{uuid.uuid4().hex[:8]}")
        part.mkdir(parents=True)
        command = [npm, "install", "--no-fund", "--no-audit", "--no-save", "--prefix", str(part), PACKAGE]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_TIMEOUT_S, text=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            shutil.rmtree(part, ignore_errors=True)
            pytest.skip(f"npm could not install {PACKAGE}: {str(error.stderr)[-500:]}")
        if folder.is_dir():  # another run was quicker
            shutil.rmtree(part)
        else:
            part.rename(folder)
    return folder / "node_modules" / ".bin" / "azurite-blob"


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < end:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.skip(f"Azurite did not start: {process.poll()}")
