"""The image that steps run in, as far as a process on this machine can be put into it."""

from __future__ import annotations

import re
from pathlib import Path

DOCKERFILE = Path(__file__).parents[2] / "deploy/environment/Dockerfile"
# Its sitecustomize.py hides the project: the image holds requirements.lock and no more.
WITHOUT_PROJECT = Path(__file__).with_name("image")


def image_variables() -> dict[str, str]:
    """Give the environment of every process in the image, but for the PATH of its programs."""
    return {**dockerfile_variables(), "PYTHONPATH": str(WITHOUT_PROJECT)}


def dockerfile_variables() -> dict[str, str]:
    """Read what the Dockerfile sets by ENV, but for PATH."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^ENV +(.*)$", text, flags=re.MULTILINE)
    pairs = (word.split("=", 1) for line in lines for word in line.split())
    return {name: value for name, value in pairs if name != "PATH"}
