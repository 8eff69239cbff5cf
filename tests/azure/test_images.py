"""A base image that is named by a tag alone is told of."""

from __future__ import annotations

from pathlib import Path

from triptych.azure.images import find_unpinned_images


def write(project: Path, base: str, image: str) -> None:
    for name, text in (
        ("deploy/environment/Dockerfile", f"ARG BASE={base}\nFROM ${{BASE}}\n"),
        ("deploy/endpoints/serving/environment.yml", f"name: x\nimage: {image}\nconda_file: conda.yml\n"),
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)


def test_digests_are_asked_for(tmp_path: Path) -> None:
    assert find_unpinned_images(tmp_path) == []
    digest = "@sha256:" + "0a" * 32
    write(tmp_path, f"example.org/a:1{digest}", f"example.org/b:1{digest}")
    assert find_unpinned_images(tmp_path) == []
    write(tmp_path, "example.org/a:1", "example.org/b@sha256:short")
    dockerfile, environment = find_unpinned_images(tmp_path)
    assert dockerfile.startswith("deploy/environment/Dockerfile: example.org/a:1 is a tag")
    assert environment.startswith("deploy/endpoints/serving/environment.yml: example.org/b@sha256:short")


def test_the_project_s_own_images_are_found(project: Path) -> None:
    """They had to be named by a tag, as no registry could be asked; remove this when they are pinned."""
    assert len(find_unpinned_images(project)) == 2
