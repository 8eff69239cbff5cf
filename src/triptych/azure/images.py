"""Base images of what runs on Azure ML: named by a digest, or by a tag that somebody can move."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["find_unpinned_images"]

_PLACES = {
    "deploy/environment/Dockerfile": re.compile(r"^(?:ARG BASE=|FROM )(?!\$)(\S+)", re.MULTILINE),
    "deploy/endpoints/serving/environment.yml": re.compile(r"^image:\s*['\"]?([^\s'\"#]+)", re.MULTILINE),
}
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}")


def find_unpinned_images(project: Path) -> list[str]:
    """Say which base images are not named by a digest, and how to name them so.

    Args:
        project: The project's folder; a snapshot without `deploy` has none.
    """
    found = []
    for place, pattern in _PLACES.items():
        file = project / place
        images = pattern.findall(file.read_text(encoding="utf-8")) if file.is_file() else []
        found += [
            f"{place}: {image} is a tag, which can be moved: put the digest behind it "
            f"(docker buildx imagetools inspect {image})"
            for image in images
            if not _DIGEST.search(image)
        ]
    return found
