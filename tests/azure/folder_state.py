"""What a step may not do to a folder, and how it shows that it did."""

from __future__ import annotations

import hashlib
from pathlib import Path


def files_in(path: Path) -> list[Path]:
    """List all files of a folder, or the one file."""
    return [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())


def is_empty(path: Path) -> bool:
    """Tell whether there is no file: blob storage knows no empty folders."""
    return not files_in(path)


def hash_folder(path: Path) -> str:
    """Hash names and content of all files."""
    digest = hashlib.sha256()
    for file in files_in(path):
        digest.update(f"{file.relative_to(path.parent)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def make_read_only(path: Path) -> None:
    """Take the right to write from everyone; root keeps it, so the content is hashed as well."""
    for item in [path, *path.rglob("*")]:
        item.chmod(0o555 if item.is_dir() else 0o444)
