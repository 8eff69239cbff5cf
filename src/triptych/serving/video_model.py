"""Style networks as an MLflow model: pictures in, the same painted in a style out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.model import PythonModel
from pydantic import ValidationError

from triptych.serving.images import ImageError, decode_image, to_text
from triptych.serving.request_params import complete_params
from triptych.video.params import StyleParams
from triptych.video.planning.blends import Blend, resolve
from triptych.video.planning.grammar import Part, Stop, read_fade

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from triptych.video.network.transformer import TransformerNet

STYLES = "styles"
DEFAULT = "default.txt"
"""In the artifact: the name of the style that is meant where none is."""
COLUMNS = {"image": "object", "width": "int64", "height": "int64"}
PARAMETERS: dict[str, str | float | bool] = {
    "style": "",
    "strength": 1.0,
    "keep_colours": False,
    "scale": 1.0,
    "format": "jpeg",
}
MOST_IMAGES = 8
MOST_BYTES = 20_000_000
MOST_PIXELS = 25_000_000
MOST_SIDE_PX = 16_383  # WebP's
_FORMATS: dict[str, dict[str, Any]] = {
    "jpeg": {"quality": 92, "subsampling": 0},
    "png": {"compress_level": 1},
    "webp": {"quality": 90},
}


class VideoModel(PythonModel):
    """Paint pictures, such as frames of a video, with the style networks in the model's artifact `styles`.

    Input: column `image`, a JPEG, PNG or the like as bytes or base64 text (a `data:` URL too); at most 8 pictures, each
    of at most 20 MB, and 25 million pixels together (fewer with `scale` above 1). Parameters: `style`, a name or a
    blend (`mosaic`, `painters/mosaic`, `mosaic:0.7+ink:0.3`), the model's own where it is empty; `strength` in [0, 1];
    `keep_colours`; `scale` in [0.1, 2], the size in which the network sees pictures; `format` of the result: `jpeg`,
    `png` or `webp`. Output: a row a picture with `image` (base64 text), `width` and `height`, those of the upright
    picture. Pictures are painted each by itself: frames of a video flicker, for which there is the pipeline `video`.
    """

    _folder: Path
    _default: str
    _networks: dict[str, TransformerNet]

    def load_context(self, context: Any) -> None:
        """Load all styles.

        Args:
            context: MLflow's, with the path of the artifact.
        """
        from triptych.video.network.transformer import load_style

        self._folder = Path(context.artifacts[STYLES])
        self._default = (self._folder / DEFAULT).read_text(encoding="utf-8").strip()
        self._networks = {path.name: load_style(path) for path in sorted(self._folder.glob("*.pth"))}

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Paint pictures.

        Args:
            context: Not used.
            model_input: The pictures.
            params: As of the class.

        Returns:
            The painted pictures, in the order of the input.

        Raises:
            MlflowException: If a picture or a parameter is wrong (HTTP 400 from a server).
        """
        given = complete_params(params, PARAMETERS)
        if given["format"] not in _FORMATS:
            raise _refuse(f"format must be one of {', '.join(_FORMATS)}, got {given['format']}")
        wish = _read_wish(given)
        blend = self._find_blend(str(given["style"]))
        pictures = _read_images(model_input, wish.scale)
        rows = [self._describe(self._paint(picture, blend, wish), str(given["format"])) for picture in pictures]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)

    def _find_blend(self, text: str) -> Blend:
        try:
            # The model's own may be called anything, and is not read.
            stops = read_fade(text) if text else [Stop((Part(self._default, 1.0),))]
            if len(stops) > 1:
                raise ValueError("a picture has no time to fade in: name one style, or a blend")
            for part in stops[0].parts:
                if f"{part.name.partition('/')[0]}.pth" not in self._networks:
                    there = ", ".join(name.removesuffix(".pth") for name in self._networks)
                    raise ValueError(f"there is no style {part.name[:50]!r}: there are {there}")
            return resolve(stops, self._folder / f"{self._default.partition('/')[0]}.pth")
        except ValueError as error:
            message = str(error).replace("video.style.styles: ", "")  # its parameter has another name here
            raise _refuse(f"style: {message}") from error

    def _paint(self, picture: NDArray[np.uint8], blend: Blend, wish: StyleParams) -> NDArray[np.uint8]:
        from triptych.video.runtimes.picture import paint_picture

        networks = [self._networks[file] for file in blend.files]
        return paint_picture(picture, networks, blend.stops[0][1], wish)

    @staticmethod
    def _describe(picture: NDArray[np.uint8], kind: str) -> tuple[str, int, int]:
        from PIL import Image

        file = io.BytesIO()
        Image.fromarray(picture).save(file, kind, **_FORMATS[kind])
        return to_text(file.getvalue()), picture.shape[1], picture.shape[0]


def _read_wish(given: dict[str, Any]) -> StyleParams:
    try:
        return StyleParams(**{name: given[name] for name in ("strength", "keep_colours", "scale")})
    except ValidationError as error:
        fault = error.errors()[0]
        raise _refuse(f"{fault['loc'][0]}: {fault['msg']}, got {fault['input']}") from error


def _read_images(table: pd.DataFrame, scale: float) -> list[NDArray[np.uint8]]:
    """Decode all pictures; all must be right before any is painted."""
    if "image" not in table:
        raise _refuse("column image is needed: a JPEG or PNG as base64 text")
    if not 1 <= len(table) <= MOST_IMAGES:
        raise _refuse(f"1 to {MOST_IMAGES} pictures can be asked for at once, got {len(table)}")
    left, pictures = int(MOST_PIXELS / max(1.0, scale**2)), []
    for index, cell in enumerate(table["image"].tolist()):
        try:
            pictures.append(_check_sides(decode_image(cell, MOST_BYTES, left)))
        except ImageError as error:
            raise _refuse(f"image {index}: {error}") from error
        left -= pictures[-1].shape[0] * pictures[-1].shape[1]
    return pictures


def _check_sides(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if max(picture.shape) > MOST_SIDE_PX:
        raise ImageError(f"{picture.shape[1]} x {picture.shape[0]}, more than {MOST_SIDE_PX} pixels long")
    return picture


def _refuse(message: str) -> MlflowException:
    error: MlflowException = MlflowException.invalid_parameter_value(message)
    return error
