"""The styles as an MLflow model: what it holds, takes, gives and refuses."""

from __future__ import annotations

import base64
import io
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from packaging.requirements import Requirement
from PIL import Image

from tests.serving.test_shelf_model import to_text
from tests.video.styles import make_frames, make_network, save_style, save_styles
from triptych.serving import video_model
from triptych.serving.source_copy import UNPINNED
from triptych.serving.video_export import save_video_model
from triptych.serving.video_model import COLUMNS

PNG = {"format": "png"}


def draw(height: int = 40, width: int = 60, seed: int = 0) -> NDArray[np.uint8]:
    return np.asarray(make_frames(1, height, width, seed)[0])


def ask(pictures: list[NDArray[np.uint8]]) -> pd.DataFrame:
    return pd.DataFrame({"image": [to_text(Image.fromarray(picture)) for picture in pictures]})


def answers(found: pd.DataFrame) -> list[NDArray[np.uint8]]:
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in found["image"]]


def paint_by_hand(picture: NDArray[np.uint8], seed: int) -> NDArray[np.int16]:
    """Run the plain network of the paper; sides are multiples of 4."""
    import torch

    x = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    painted = make_network(seed)(x)[0].permute(1, 2, 0)
    return np.asarray(painted.clamp(0, 255).round().numpy(), np.int16)


@pytest.fixture
def model(video_folder: Path, restored: None) -> Any:
    import mlflow

    return mlflow.pyfunc.load_model(str(video_folder))


def test_it_holds_plain_files_its_source_and_what_it_needs(video_folder: Path) -> None:
    found = [path for path in video_folder.rglob("*") if path.is_file()]
    assert all(path.stat().st_size for path in found)  # an empty upload is refused by some servers
    files = {path.relative_to(video_folder).as_posix() for path in found}
    assert {f"artifacts/styles/{name}.pth" for name in ("style1", "style2", "painters3")} <= files
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".pyc"))]
    requirements = [Requirement(line) for line in (video_folder / "requirements.txt").read_text().splitlines()]
    unpinned = {Requirement(line) for line in UNPINNED}
    for requirement in set(requirements) - unpinned:
        assert str(requirement.specifier) == f"=={version(requirement.name).partition('+')[0]}"


@pytest.mark.parametrize(("style", "seed"), [("", 1), ("style1", 1), ("style2", 2)])
def test_it_paints_what_the_network_paints(model: Any, style: str, seed: int) -> None:
    pictures = [draw(), draw(64, 32, 1)]
    found = model.predict(ask(pictures), params=PNG | {"style": style})
    assert found.dtypes.astype(str).to_dict() == COLUMNS
    assert found[["width", "height"]].to_numpy().tolist() == [[60, 40], [32, 64]]
    for painted, picture in zip(answers(found), pictures, strict=True):
        assert np.abs(painted - paint_by_hand(picture, seed)).max() <= 1


def test_a_parameter_that_is_null_was_not_given(model: Any) -> None:
    nothing = dict.fromkeys(("style", "strength", "keep_colours", "scale", "format"))
    pd.testing.assert_frame_equal(model.predict(ask([draw()]), params=nothing), model.predict(ask([draw()])))


def test_a_blend_is_between_its_styles(model: Any) -> None:
    picture = draw()
    (mixed,) = answers(model.predict(ask([picture]), params=PNG | {"style": "style1:3 + style2:1"}))
    expected = 0.75 * paint_by_hand(picture, 1) + 0.25 * paint_by_hand(picture, 2)
    assert np.abs(mixed - expected).max() <= 1.5


def test_styles_of_one_file_are_told_apart(model: Any) -> None:
    names = ("painters3/a", "painters3/b", "painters3/a+painters3/b")
    painted = [answers(model.predict(ask([draw()]), params=PNG | {"style": name}))[0] for name in names]
    assert len({each.tobytes() for each in painted}) == 3


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (17, 18)])
def test_any_size_comes_back(model: Any, size: tuple[int, int]) -> None:
    (painted,) = answers(model.predict(ask([draw(*size)]), params=PNG))
    assert painted.shape == (*size, 3)


def test_no_strength_gives_the_picture_and_half_the_middle(model: Any) -> None:
    picture = draw()
    (same,) = answers(model.predict(ask([picture]), params=PNG | {"strength": 0.0}))
    assert np.array_equal(same, picture)
    (half,) = answers(model.predict(ask([picture]), params=PNG | {"strength": 0.5}))
    assert np.abs(half - (paint_by_hand(picture, 1) + picture) / 2).max() <= 1


def test_colours_are_kept(model: Any) -> None:
    picture = draw()
    picture[..., 0] = 120
    picture[..., 2] = 120
    (painted,) = answers(model.predict(ask([picture // 4 + 90]), params=PNG | {"keep_colours": True}))
    plain = np.asarray(Image.fromarray(picture // 4 + 90).convert("YCbCr"), np.int16)
    kept = np.asarray(Image.fromarray(painted).convert("YCbCr"), np.int16)
    inside = ((painted > 0) & (painted < 255)).all(-1)  # elsewhere there is no such colour of that light
    assert inside.any()
    assert np.abs(kept - plain)[inside][:, 1:].max() <= 3


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_formats(model: Any, kind: str) -> None:
    found = model.predict(ask([draw()]), params={"format": kind})
    assert Image.open(io.BytesIO(base64.b64decode(found["image"][0]))).format == kind.upper()


def test_a_picture_in_tiles_is_the_one_in_one_go(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from triptych.video.runtimes import picture

    asked = ask([draw(280, 300)])
    (whole,) = answers(model.predict(asked, params=PNG))
    monkeypatch.setattr(picture, "_TILE_PIXELS", 65_536)
    (tiled,) = answers(model.predict(asked, params=PNG))
    assert np.abs(tiled.astype(int) - whole).mean() < 3  # statistics are those of the picture scaled down


BROKEN = base64.b64encode(b"text").decode()


@pytest.mark.parametrize(
    ("images", "params", "message"),
    [
        (["no photo!"], {}, "image 0: no base64 text"),
        ([""], {}, "image 0: empty file"),
        ([BROKEN], {}, "image 0: no photo in a format that is read"),
        ([None], {}, "image 0: neither base64 text nor bytes but NoneType"),
        ([5], {}, "image 0: neither base64 text nor bytes but int"),
        ([], {}, "1 to 8 pictures can be asked for at once, got 0"),
        (["x"] * 9, {}, "1 to 8 pictures can be asked for at once, got 9"),
        ([BROKEN], {"style": "none"}, "style: there is no style 'none': there are painters3, style1, style2"),
        ([BROKEN], {"style": "../" * 300}, "style: there is no style"),
        ([BROKEN], {"style": "painters3"}, "name one of them"),
        ([BROKEN], {"style": "style1 > style2"}, "a picture has no time to fade in"),
        ([BROKEN], {"style": "style1:x"}, "style: .* is no number"),
        ([BROKEN], {"strength": 1.5}, "strength: Input should be less than or equal to 1"),
        ([BROKEN], {"strength": float("nan")}, "strength: "),
        ([BROKEN], {"scale": 0.0}, "scale: "),
        ([BROKEN], {"format": "gif"}, "format must be one of jpeg, png, webp, got gif"),
    ],
)
def test_what_is_wrong_is_refused(model: Any, images: list[Any], params: dict[str, Any], message: str) -> None:
    from mlflow import MlflowException

    with pytest.raises(MlflowException, match=message) as caught:
        model.predict(pd.DataFrame({"image": pd.Series(images, dtype=object)}), params=params)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert "/" not in str(caught.value).replace("painters3/", "").replace("../", "").replace("FILE/NAME", "")


def test_too_much_is_refused(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowException

    inner = model.unwrap_python_model()

    def predict(table: pd.DataFrame, scale: float = 1.0) -> Any:
        return video_model.VideoModel.predict(inner, None, table, {"scale": scale})

    monkeypatch.setattr(video_model, "MOST_PIXELS", 5000)
    predict(ask([draw(), draw()]))
    with pytest.raises(MlflowException, match="image 2: 60 x 40 are 2400 pixels, more than max_pixels=200"):
        predict(ask([draw(), draw(), draw()]))
    with pytest.raises(MlflowException, match="image 0: 60 x 40 are 2400 pixels, more than max_pixels=1250"):
        predict(ask([draw()]), scale=2.0)
    monkeypatch.setattr(video_model, "MOST_SIDE_PX", 50)
    with pytest.raises(MlflowException, match="image 0: 60 x 40, more than 50 pixels long"):
        predict(ask([draw()]))
    monkeypatch.setattr(video_model, "MOST_BYTES", 1000)
    with pytest.raises(MlflowException, match="image 0: [0-9]* bytes, more than 1000"):
        predict(ask([draw()]))


def test_a_file_that_is_no_style_is_named_when_the_model_is_saved(tmp_path: Path) -> None:
    style = save_style(tmp_path, 1)
    (tmp_path / "notes.pth").write_bytes(b"no weights")
    Image.fromarray(draw()).save(tmp_path / "example.png")
    with pytest.raises(ValueError, match="notes.pth"):
        save_video_model(style, tmp_path / "example.png", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_several_styles_in_a_file_have_the_first_as_default(tmp_path: Path, restored: None) -> None:
    import mlflow

    Image.fromarray(draw()).save(tmp_path / "example.png")
    save_video_model(save_styles(tmp_path, 3, ["b", "a"]), tmp_path / "example.png", tmp_path / "model")
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    tables = [model.predict(ask([draw()]), params=params) for params in (PNG, PNG | {"style": "painters3/b"})]
    assert tables[0].equals(tables[1])
    assert json.loads((tmp_path / "model/serving_input_example.json").read_text())["params"]["format"] == "jpeg"
