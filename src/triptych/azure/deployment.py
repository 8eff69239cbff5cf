"""The names that a deployment has, written into the configuration."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from triptych.storage.local_files import replace_file

__all__ = ["NAMES", "adopt_outputs", "read_outputs"]

NAMES = {
    "subscription_id": "subscriptionId",
    "resource_group": "resourceGroup",
    "workspace": "workspace",
    "cpu_cluster": "cpuCluster",
    "gpu_cluster": "gpuCluster",
    "media_account": "mediaAccount",
    "work_account": "workAccount",
}
"""Keys of globals.yml, and the outputs of deploy/infra/main.bicep that they come from."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._()-]*")


def read_outputs(path: Path) -> dict[str, str]:
    """Read the outputs of a deployment.

    Args:
        path: JSON as `az deployment ... show --query properties.outputs` prints it (`{"name": {"value": ...}}`), or
            plain (`{"name": ...}`).

    Returns:
        Values by the key of globals.yml.

    Raises:
        ValueError: If it is no such file, an output is missing, or a value cannot be a name.
    """
    try:
        outputs: dict[str, Any] = json.loads(path.read_bytes())  # PowerShell writes UTF-16
        plain = {name: value["value"] if isinstance(value, dict) else value for name, value in outputs.items()}
    except (ValueError, AttributeError, KeyError) as error:
        raise ValueError(f"{path} does not hold the outputs of a deployment as JSON: {error}") from error
    missing = sorted(set(NAMES.values()) - set(plain))
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: were these the outputs of deploy/infra/main.bicep?")
    values = {key: plain[output] for key, output in NAMES.items()}
    for key, value in values.items():
        if not isinstance(value, str) or not _PLAIN.fullmatch(value):
            raise ValueError(f"{path}: {NAMES[key]} is {value!r}, which is no name")
    return values


def adopt_outputs(globals_file: Path, values: dict[str, str]) -> list[str]:
    """Put the names into globals.yml; comments and everything else stay.

    Args:
        globals_file: The file.
        values: By key.

    Returns:
        The keys whose values changed.

    Raises:
        ValueError: If a key is not in the file.
    """
    text = globals_file.read_text(encoding="utf-8")
    changed = []
    for key, value in values.items():
        line = re.compile(rf"^{key}:[ ]*([^ #\n]*)", re.MULTILINE)
        found = line.search(text)
        if found is None:
            raise ValueError(f"{globals_file} has no line {key}: put one there")
        if found[1] != value:
            changed.append(key)
            text = text[: found.start(1)] + value + text[found.end(1) :]
    with replace_file(globals_file) as part:
        part.write_text(text, encoding="utf-8")
    return changed
