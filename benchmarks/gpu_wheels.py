"""Collect the wheels that the libraries of shelf and video need on a bare machine without network (see gpu.sh).

    python benchmarks/gpu_wheels.py FOLDER                # for this Python
    python benchmarks/gpu_wheels.py FOLDER --python 3.12  # for another, on Linux x86-64

Versions are those of requirements.lock. Large wheels are packed anew with LZMA, which pip reads as well: PyAV and
FFmpeg fit together only so. What is left out is said in gpu.sh's output where it is missed: plotly, OpenVINO, MLflow.
"""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from packaging.markers import Marker

LOCK = Path(__file__).parents[1] / "requirements.lock"
LIMIT_MB = 60
BARE = ("torch", "torchvision", "numpy", "opencv-python-headless", "pillow", "pandas", "pytest")
"""What the machine has, with all that these need themselves."""
WHEELS = (
    "av",  # reads and joins videos
    "defusedxml",  # reads Pascal VOC
    "ffmpeg-python",
    "future",  # ffmpeg-python's
    "imageio-ffmpeg",  # the FFmpeg that encodes
    "pandera",
    "typeguard",  # pandera's, and the next two
    "typing-inspect",
    "mypy-extensions",
    "pi-heif",  # reads HEIC
    "psutil",  # the benchmarks' memory
    "pycocotools",
    "pydantic",
    "pydantic-core",  # pydantic's, and the next three
    "annotated-types",
    "typing-inspection",
    "typing-extensions",
    "pyyaml",
    "tqdm",
    "hypothesis",  # the tests', and all that follow
    "sortedcontainers",
    "pytest-timeout",
)
OTHER_VERSIONS = {"imageio-ffmpeg": "0.6.0"}  # later ones bring an FFmpeg of 68 MB instead of 29
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014", "manylinux1")
LARGE_BYTES = 10_000_000


def read_versions(lock: str, python: str) -> dict[str, str]:
    """Read the versions of the distributions in WHEELS from a lock file.

    Args:
        lock: Lines `name==version` or `name==version ; marker`, and others, which are passed over.
        python: `3.12`, for the markers.

    Raises:
        SystemExit: If one is not locked.
    """
    found = dict(OTHER_VERSIONS)
    environment = {"python_full_version": f"{python}.99", "python_version": python, "sys_platform": "linux"}
    for name, version, marker in re.findall(r"^([\w.-]+)==([^\s;]+)(?: ; ([^\\]+))?", lock, flags=re.MULTILINE):
        if name in WHEELS and (not marker or Marker(marker.strip()).evaluate(environment)):
            found.setdefault(name, version)
    if missing := [name for name in WHEELS if name not in found]:
        raise SystemExit(f"{LOCK.name} lacks {', '.join(missing)}: write it anew, as its second line says")
    return found


def download(requirements: list[str], folder: Path, python: str) -> None:
    """Let pip fetch the wheels for Linux x86-64 and CPython of a version, without what they depend on."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", python, "--implementation", "cp", "--dest", str(folder)]
    for name in PLATFORMS:
        command += ["--platform", f"{name}_x86_64"]
    subprocess.run([*command, *requirements], check=True)  # noqa: S603 - our own command line


def pack_tightly(wheel: Path) -> None:
    """Write a wheel anew with LZMA in the place of deflate; its files stay as they are."""
    part = wheel.with_suffix(".part")
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(part, "w") as target:
        for item in source.infolist():
            content = source.read(item)
            item.compress_type = zipfile.ZIP_LZMA
            target.writestr(item, content)
    part.replace(wheel)


def main() -> None:
    """Fill the folder, and fail if it holds more than 60 MB."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="new or empty")
    parser.add_argument("--python", default=".".join(platform.python_version_tuple()[:2]), help="the bare machine's")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise SystemExit(f"{folder} is not empty: a second version of a wheel would stop its installation")
    versions = read_versions(LOCK.read_text(encoding="utf-8"), arguments.python)
    download([f"{name}=={version}" for name, version in versions.items()], folder, arguments.python)
    for wheel in folder.glob("*.whl"):
        if wheel.stat().st_size > LARGE_BYTES:
            pack_tightly(wheel)
    sizes = {wheel.name: wheel.stat().st_size for wheel in folder.iterdir()}
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"{size / 1e6:6.2f} MB  {name}")
    total = sum(sizes.values()) / 1e6
    print(f"{total:6.2f} MB  {len(sizes)} wheels for Python {arguments.python}")
    if total > LIMIT_MB:
        raise SystemExit(f"more than {LIMIT_MB} MB")


if __name__ == "__main__":
    main()
