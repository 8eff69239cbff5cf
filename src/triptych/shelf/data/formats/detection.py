"""Tell which format an annotation file is in, from its suffix, place and contents, and read it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, get_args

from triptych.shelf.data.formats import azureml, coco, createml, cvat, labelme, voc, yolo
from triptych.shelf.data.formats.files import parse_json, parse_xml
from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.raw_folder import RawFiles
from triptych.shelf.data.records import AnnotationError, PhotoRecord
from triptych.shelf.params import AnnotationFormat

FORMATS: dict[str, str] = {
    "coco": "COCO",
    "cvat": "CVAT",
    "labelme": "LabelMe",
    "azureml": "Azure ML",
    "yolo": "YOLO",
    "createml": "Create ML",
    "voc": "Pascal VOC",
}
"""Names of the formats; where several describe a photo, the first counts: those that can have masks come first."""
ONE_FILE_A_PHOTO = frozenset({"labelme", "yolo", "voc"})

_SUFFIXES: dict[str, str] = {
    **dict.fromkeys(("coco", "labelme", "createml"), ".json"),
    **dict.fromkeys(("cvat", "voc"), ".xml"),
    "azureml": ".jsonl",
    "yolo": ".txt",
}
_HEAD_BYTES = 4096
assert set(FORMATS) == set(get_args(AnnotationFormat))  # noqa: S101 - each has a name


class OtherFileError(AnnotationError):
    """A file that can be read and holds something else than annotations."""


class AnnotationFiles:
    """The files of a folder that may be annotations.

    Args:
        files: What is in the folder.
        wanted: The format to look for, or `auto`.
        quarantine: Takes entries that cannot be used.

    Attributes:
        names: Paths of the files relative to the folder.
        classes: What is said about YOLO's classes.
    """

    def __init__(self, files: RawFiles, wanted: str, quarantine: Quarantine) -> None:
        self._folder, self._quarantine = files.folder, quarantine
        self.classes = yolo.YoloClasses()
        labels: list[str] = []
        if wanted in ("auto", "yolo"):
            self.classes = yolo.read_classes(files.folder, files.texts, quarantine)
            photos = frozenset(str(PurePosixPath(photo).with_suffix("")) for photo in files.photos)
            labels = [file for file in files.texts if yolo.is_label_file(file, photos)]
        found = [*files.json, *files.jsonl, *files.xml, *labels]
        self.names = [file for file in found if wanted == "auto" or file.lower().endswith(_SUFFIXES[wanted])]

    def read(self, file: str) -> tuple[str, list[PhotoRecord]]:
        """Read a file.

        Returns:
            Its format, and what it says about each photo.

        Raises:
            AnnotationError: If it cannot be read.
            OtherFileError: If it holds something else.
        """
        suffix = PurePosixPath(file).suffix.lower()
        if suffix == ".json":
            return self._read_json(file)
        if suffix == ".jsonl":
            return "azureml", self._read_lines(file)
        if suffix == ".xml":
            return self._read_xml(file)
        return "yolo", [self._read_labels(file)]

    def may_list_photos(self, file: str) -> bool:
        """Tell whether a file that cannot be read may have described any photo."""
        suffix = PurePosixPath(file).suffix.lower()
        if suffix != ".xml":
            return suffix in (".json", ".jsonl")
        return b"<annotations" in _read_head(self._folder / file)

    def _read_json(self, file: str) -> tuple[str, list[PhotoRecord]]:
        content: Any = parse_json(self._folder / file, coco.MAX_BYTES)
        if labelme.is_labelme(content):
            return "labelme", [labelme.parse_labelme(content, file)]
        if createml.is_createml(content):
            return "createml", createml.parse_createml(content, file, self._quarantine)
        try:
            return "coco", coco.parse_coco(content, file, self._quarantine)
        except coco.OtherJsonError as error:
            raise OtherFileError(
                "no annotations: neither COCO (images, annotations) nor LabelMe (shapes) nor Create ML (a list of "
                "photos); not used"
            ) from error

    def _read_lines(self, file: str) -> list[PhotoRecord]:
        try:
            return azureml.read_azureml(self._folder, file)
        except azureml.OtherLinesError as error:
            raise OtherFileError(str(error)) from error

    def _read_xml(self, file: str) -> tuple[str, list[PhotoRecord]]:
        root = parse_xml(self._folder / file, cvat.MAX_BYTES)
        if root.tag == "annotations":
            return "cvat", cvat.parse_cvat(root, file)
        return "voc", [voc.parse_voc(root, file)]

    def _read_labels(self, file: str) -> PhotoRecord:
        try:
            return yolo.read_yolo(self._folder, file, self.classes)
        except AnnotationError as error:
            if self.classes.by_folder or yolo.place_of_photos(file) != str(PurePosixPath(file).parent):
                raise
            # Beside a photo, without names of classes anywhere: as likely a caption.
            raise OtherFileError(str(error)) from error


def _read_head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_HEAD_BYTES)
    except OSError:
        return b""
