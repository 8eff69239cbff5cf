"""The copy of the project that Azure ML takes with every job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

__all__ = ["LIMIT_BYTES", "Snapshot", "find_snapshot_faults", "take_stock"]

LIMIT_BYTES = 10_000_000
"""Ours; Azure's is 300 MB, but every step of every job unpacks it."""

_NEEDED = ("src/triptych/settings.py", "conf/base/globals.yml", "pyproject.toml")
_FOREIGN = {
    *(".git", ".venv", "mlartifacts", "mlruns", "node_modules", "tests", "docs"),
    *("__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"),
}
_SAMPLES = PurePosixPath("data/01_raw")


@dataclass(frozen=True)
class Snapshot:
    """What would be uploaded.

    Attributes:
        sizes: Bytes of every file, by its path within the project.
    """

    sizes: dict[str, int]

    @property
    def total_bytes(self) -> int:
        """Sum of all files."""
        return sum(self.sizes.values())


def take_stock(project: Path) -> Snapshot:
    """List what Azure ML would upload, by the SDK's own rules.

    Args:
        project: Folder with `.amlignore`.
    """
    from azure.ai.ml._utils._asset_utils import get_ignore_file, get_upload_files_from_folder

    pairs: Any = get_upload_files_from_folder(project, ignore_file=get_ignore_file(project))
    return Snapshot({PurePosixPath(name).as_posix(): Path(path).stat().st_size for path, name in pairs})


def find_snapshot_faults(project: Path) -> list[str]:
    """Say what is wrong with the rules of `.amlignore`.

    Args:
        project: The project's folder.

    Returns:
        A line a fault; none if the snapshot holds code, configuration and small samples and nothing else.
    """
    rules = project / ".amlignore"
    if not rules.is_file() or not rules.read_text(encoding="utf-8").strip():
        return [f"{rules} is missing or empty: Azure would take all files that git does not ignore, or simply all"]
    snapshot = take_stock(project)
    faults = [f".amlignore leaves out {name}, which every step needs" for name in _NEEDED if name not in snapshot.sizes]
    foreign = sorted(name for name in snapshot.sizes if _is_foreign(PurePosixPath(name)))
    if foreign:
        faults.append(f".amlignore lets in {len(foreign)} files that no step needs, such as {foreign[0]}")
    if snapshot.total_bytes > LIMIT_BYTES:
        largest = max(snapshot.sizes, key=lambda name: snapshot.sizes[name])
        faults.append(
            f"the snapshot has {snapshot.total_bytes / 1e6:.1f} MB, more than {LIMIT_BYTES / 1e6:.0f}: "
            f"the largest file is {largest}"
        )
    return faults


def _is_foreign(path: PurePosixPath) -> bool:
    results = path.parts[0] == "data" and not path.is_relative_to(_SAMPLES)
    secret = path.is_relative_to("conf/local") or path.name.startswith(("credentials", ".env"))
    return results or secret or path.suffix in (".db", ".log", ".pyc") or not _FOREIGN.isdisjoint(path.parts)
