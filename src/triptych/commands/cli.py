"""`triptych ask`, `triptych find`, `triptych stylize`."""

from __future__ import annotations

import errno
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from triptych.commands.options import FiniteRange

if TYPE_CHECKING:
    from triptych.commands.finding import Found

_MODEL = click.option(
    "--model",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of a model, such as data/06_models/faq/matcher. [default: the promoted version]",
)
_FORCE = click.option("--force", is_flag=True, help="Replace what is there.")
# What is wrong with the place that a file is to go to, or come from.
_OF_THE_PLACE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EEXIST, errno.EISDIR, errno.ENOTDIR),
    errno.ENAMETOOLONG,
}
_PICTURES = {".png", ".jpg", ".jpeg", ".webp"}


@click.command()
@click.argument("question")
@click.option("--body", default="", help="More of the question, HTML or plain text; - reads it from standard input.")
@click.option("--top", "top_k", default=3, show_default=True, type=click.IntRange(1, 1000), help="Originals to give.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with the answers as HTML.")
@_MODEL
def ask(question: str, body: str, top_k: int, as_json: bool, model: Path | None) -> None:
    """Find the questions that were answered before and mean the same as QUESTION."""
    from triptych.commands.asking import ask as ask_matcher
    from triptych.commands.promoted import open_model

    with _reporting(), open_model("faq", "artifacts/matcher", model) as folder:
        matches = ask_matcher(folder, question, _read_input() if body == "-" else body, top_k)
    if as_json:
        _print(json.dumps({"question": question, "matches": matches}, indent=1, ensure_ascii=False) + "\n")
        return
    if all(match["verdict"] != "match" for match in matches):
        click.echo("None is likely to mean the same; the nearest are:\n")
    for match in matches:
        _show_match(match)


def _read_input() -> str:
    """Read standard input, whatever the locale is; bytes that are no UTF-8 lose no others."""
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace")


def _print(text: str) -> None:
    """Print text that may hold names of files which are no UTF-8: as they are."""
    click.echo(text.encode("utf-8", "surrogateescape"), nl=False)


def _show_match(match: dict[str, object]) -> None:
    from triptych.commands.asking import to_text

    click.secho(f"{match['rank']}. {to_text(str(match['title']))}", bold=True)
    judged = f"{match['verdict']}, probability {match['probability']:.2f}, question {match['original_id']}"
    click.secho(f"   {judged}", fg="green" if match["verdict"] == "match" else None)
    click.echo((to_text(str(match["answer"]), indent="   ") or "   (no answer is kept)") + "\n")


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Draw what was found: a .png, .jpg or .webp file of one photo, else a folder.",
)
@click.option(
    *("--format", "shape"),
    type=click.Choice(["text", "csv", "coco"]),
    default="text",
    show_default=True,
    help="What is printed.",
)
@click.option("--threshold", default=None, type=FiniteRange(0, 1, max_open=True), help="[default: the model's own]")
@_FORCE
@_MODEL
def find(
    photos: tuple[Path, ...], out: Path | None, shape: str, threshold: float | None, force: bool, model: Path | None
) -> None:
    """Find the empty spaces on PHOTOS, which are files or folders.

    Ends with 1 if a photo could not be read; the others are done all the same.
    """
    from triptych.commands import finding
    from triptych.commands.promoted import open_model

    with _reporting():
        files = finding.list_photos(photos)
        names = _name_drawings(files, out, force) if out else {}
        with open_model("shelf", "artifacts/detector", model) as folder, _counting(len(files)) as bar:
            found = finding.find(folder, files, threshold, bar)
        write = {"csv": finding.to_csv, "coco": finding.to_coco, "text": _to_lines}[shape]
        _print(write(found))
        finding.draw(found, [path for path in names if path in found.detections], names.__getitem__)
    for path, reason in found.rejected.items():
        click.secho(f"{path}: {reason}", fg="red", err=True)
    if found.rejected:
        sys.exit(1)


def _name_drawings(photos: list[Path], out: Path, force: bool) -> dict[Path, Path]:
    """Say where the picture of each photo goes, and that nothing is in the way."""
    if str(out) == "-":
        raise click.UsageError("--out - : pictures are not written to standard output: name a file or a folder")
    if len(photos) == 1 and out.suffix.lower() in _PICTURES and not out.is_dir():
        names = {photos[0]: out}
    elif out.suffix.lower() in _PICTURES and not out.is_dir():
        raise click.UsageError(f"--out {out} is one picture, and there are {len(photos)} photos: name a folder")
    else:
        names, taken = {}, set[str]()
        for path in photos:
            stem, number = path.stem, 2
            while stem.lower() in taken:
                stem, number = f"{path.stem}-{number}", number + 1
            taken.add(stem.lower())
            names[path] = out / f"{stem}.png"
    _refuse_taken([path for path in names.values() if path.exists()], force)
    own = {path.resolve() for path in photos} & {path.resolve() for path in names.values()}
    if own:
        raise click.UsageError(f"--out would replace a photo: {own.pop()}")
    return names


def _to_lines(found: Found) -> str:
    return "".join(
        f"{path}: {len(items)} found{_scores([item['score'] for item in items])}\n"
        for path, items in found.detections.items()
    )


def _scores(scores: list[float]) -> str:
    return f" (scores {', '.join(f'{score:.2f}' for score in scores)})" if scores else ""


@click.command()
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--style",
    default="mosaic",
    show_default=True,
    help="A bundled style, a blend (mosaic:0.7+ink:0.3) or fade (mosaic > ink) of some, a .pth file, or a picture.",
)
@click.option("--seconds", default=0.0, type=FiniteRange(0), help="Only so much of the beginning. [default: all]")
@click.option("--scale", default=1.0, show_default=True, type=FiniteRange(0.1, 2), help=".5: larger strokes.")
@click.option("--strength", default=1.0, show_default=True, type=FiniteRange(0, 1), help="0 leaves it as it was.")
@click.option("--keep-colours", is_flag=True, help="Paint in the colours of the video.")
@click.option(
    *("--train-s", "train_s"),
    default=900.0,
    show_default=True,
    type=FiniteRange(1),
    help="How long learning from a picture may take.",
)
@click.option(
    "--keep-style", type=click.Path(path_type=Path), help="Write what was learned from a picture: a .pth file."
)
@_FORCE
def stylize(
    source: Path,
    target: Path,
    style: str,
    seconds: float,
    scale: float,
    strength: float,
    keep_colours: bool,
    train_s: float,
    keep_style: Path | None,
    force: bool,
) -> None:
    """Paint the video SOURCE in a style as TARGET: every frame, at its time, with its sound."""
    from triptych.commands.styles import open_style
    from triptych.commands.stylizing import choose_encoding, stylize
    from triptych.video.params import SmoothingParams, StyleParams, StyleTrainingParams

    settings = StyleParams(scale=scale, strength=strength, keep_colours=keep_colours)
    with _reporting():
        if target.resolve() == source.resolve():
            raise click.UsageError("TARGET is SOURCE: name another file")
        for path in (target, keep_style or target):
            if not path.parent.is_dir():
                raise click.UsageError(f"there is no folder {path.parent}")
        _refuse_taken([path for path in (target, keep_style) if path and path.exists()], force)
        choose_encoding(source, target)  # before minutes of work
        with open_style(style, StyleTrainingParams(time_limit_s=train_s), keep_style) as opened:
            notes = stylize(source, target, opened, settings, SmoothingParams(), seconds)
    for note in notes:
        click.secho(f"note: {note}", fg="yellow", err=True)
    click.echo(target)


def _refuse_taken(taken: list[Path], force: bool) -> None:
    if taken and not force:
        raise click.UsageError(f"{taken[0]} is there already: --force replaces it")


@contextmanager
def _counting(count: int) -> Iterator[Callable[[], object]]:
    """Show how many photos are done, on a terminal and if there are several."""
    from tqdm import tqdm

    with tqdm(total=count, unit="photo", disable=None if count > 1 else True) as bar:
        yield lambda: bar.update(1)


@contextmanager
def _reporting() -> Iterator[None]:
    """Show what is the user's to mend as a line."""
    from triptych.errors import InputError

    # What was refused is said once, by the error.
    logging.getLogger("triptych").setLevel(logging.ERROR)
    try:
        yield
    except InputError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        if error.errno not in _OF_THE_PLACE:
            raise
        raise click.ClickException(f"{error.filename or 'nothing can be written'}: {error.strerror}") from error
