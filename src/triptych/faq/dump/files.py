"""Where the raw files are: a Stack Exchange dump, plain, gzipped, or in a 7z archive; the reference's TSV triple."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from triptych.errors import InputError
from triptych.faq.dump.compressed_streams import gzip_chunks, list_members, member_chunks
from triptych.faq.dump.xml_blocks import Blocks, cut_file, cut_stream


@dataclass(frozen=True)
class DumpFile:
    """One file of a dump."""

    path: Path
    """The file on disk, which may be an archive."""

    member: str | None = None
    """Name inside the 7z archive."""

    progress_bytes: int = 0
    """What the progress of reading sums up to."""

    @property
    def label(self) -> str:
        """How to name the file in messages."""
        return f"{self.path}:{self.member}" if self.member else str(self.path)

    @property
    def is_plain(self) -> bool:
        """Whether the bytes on disk are the XML itself."""
        return self.member is None and self.path.suffix != ".gz"

    def describe(self) -> dict[str, Any]:
        """Return name and size on disk in bytes, for reports."""
        return {"name": self.label, "bytes": self.path.stat().st_size}

    @contextmanager
    def open_blocks(self, root: str, advance: Callable[[int], object]) -> Iterator[Blocks]:
        """Check the file's start and give the lines between its root tags, in blocks."""
        if self.is_plain:
            yield cut_file(self.path, root, advance)
        else:
            with closing(self.open_chunks(advance)) as chunks:
                yield cut_stream(chunks, root, self.label)

    def open_chunks(self, advance: Callable[[int], object]) -> Generator[bytes, None, None]:
        """Decompress the file, as it goes."""
        if self.member is not None:
            return member_chunks(self.path, self.member, advance)
        return gzip_chunks(self.path, advance)


def find_dump_file(folder: Path, name: str) -> DumpFile:
    """Find a dump's file in a folder (or in a 7z archive, where `folder` is one).

    Looks for NAME, NAME.gz, NAME.7z, then for NAME inside any other .7z of the folder (Stack Exchange
    publishes a site as one archive, Stack Overflow as one archive a table).

    Args:
        folder: the folder, or one archive.
        name: such as "Posts.xml".

    Raises:
        InputError: not found, or found in several archives.
    """
    if folder.is_file():
        found = _in_archives([folder] if folder.suffix.lower() == ".7z" else [], name)
    else:
        found = _in_folder(folder, name)
    if not found:
        raise InputError(
            f"No {name} in {folder.absolute()}: looked for {name}, {name}.gz, {name}.7z, and any other .7z "
            f"archive that holds it. Put the Stack Exchange dump there, or point the catalog entry's "
            "filepath to the folder (or .7z archive) that has it."
        )
    if len(found) > 1:
        names = ", ".join(file.label for file in found)
        raise InputError(f"{name} is in several archives: {names}. Leave only one of them in the folder.")
    return found[0]


def _in_folder(folder: Path, name: str) -> list[DumpFile]:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return [DumpFile(path, progress_bytes=path.stat().st_size)]
    own = folder / f"{name}.7z"
    if own.is_file():
        return _in_archives([own], name)
    return _in_archives(sorted(folder.glob("*.7z")), name)


def _in_archives(archives: list[Path], name: str) -> list[DumpFile]:
    return [
        DumpFile(archive, member, size)
        for archive in archives
        for member, size in list_members(archive).items()
        if PurePosixPath(member.replace("\\", "/")).name == name
    ]


class TsvTriple(NamedTuple):
    """The three files."""

    originals: Path
    duplicates: Path
    answers: Path


def find_tsv_triple(folder: Path) -> TsvTriple:
    """Find orig-q, dup-q and ans in a folder, as .tsv.gz or .tsv.

    Raises:
        InputError: one is missing.
    """
    files = []
    for name in ("orig-q", "dup-q", "ans"):
        path = next((path for end in ("tsv.gz", "tsv") if (path := folder / f"{name}.{end}").is_file()), None)
        if path is None:
            raise InputError(
                f"No {name}.tsv.gz in {folder.absolute()}: looked for {name}.tsv.gz and {name}.tsv. Put orig-q, dup-q "
                "and ans there, or point the catalog entry's filepath to the folder that has them."
            )
        files.append(path)
    return TsvTriple(*files)
