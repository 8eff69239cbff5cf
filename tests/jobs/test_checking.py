"""Nothing is queued that may not be run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.jobs.conftest import MakeSettings
from triptych.jobs.checking import OPERATORS, TEXTS, ConfigurationError, RefusedError, RequestChecker
from triptych.jobs.settings import settings_of
from triptych.parameters import runtime_names

pytestmark = pytest.mark.usefixtures("project")


@pytest.fixture
def checker(make_settings: MakeSettings) -> RequestChecker:
    return RequestChecker(make_settings(allowed=(str(ROOT / "data"), "abfs://landing@account.dfs.core.windows.net")))


def test_a_job_comes_out_nested_and_typed(checker: RequestChecker) -> None:
    given = {"video.style.strength": 0.5, "video": {"encoding": {"crf": 20}}, "video_raw": "data/01_raw/video"}
    request = checker.check("video", given, "test")
    assert request.parameters == {
        "video": {"style": {"strength": 0.5}, "encoding": {"crf": 20}},
        "video_raw": "data/01_raw/video",
    }
    assert checker.check("shelf_check", {}, "local").parameters == {}
    address = f"file://{ROOT}/data/01_raw/video"
    assert checker.check("video", {"video_raw": address}, "local").parameters == {"video_raw": address}
    address = "abfs://landing@account.dfs.core.windows.net/tonight"
    assert checker.check("video", {"video_raw": address}, "local").parameters == {"video_raw": address}
    assert checker.check("video", {"video_retry": "/a|../b*"}, "local").parameters == {"video_retry": "/a|../b*"}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another folder": ({"video_raw": "/etc"}, "video_raw: '/etc' lies in none of the folders"),
    "a way out": ({"data_root": "data/../.."}, "data_root: 'data/../..' lies in none"),
    "a way out that is written as in an address": (
        {"shelf_photos": f"file://{ROOT}/data/%2e%2e/%2e%2E/etc"},
        "lies in none",
    ),
    "a zero byte in an address": ({"shelf_photos": f"file://{ROOT}/data/%00"}, "lies in none"),
    "an address that is none": ({"shelf_photos": "http://[data"}, "lies in none"),
    "home": ({"data_root": "~/x"}, "lies in none"),
    "the project itself": ({"data_root": "."}, "lies in none"),
    "another container": ({"video_raw": "abfs://landing@account.dfs.core.windows.net.evil/x"}, "lies in none"),
    "a way out of a container": ({"video_raw": "abfs://landing@account.dfs.core.windows.net/../x"}, "lies in none"),
    "an address": ({"style_model": "http://example.org/x.pth"}, "lies in none"),
    "a file within a block": ({"video.style_training.vgg16_weights": "/etc/passwd"}, "vgg16_weights: '/etc/passwd'"),
    "a number for a folder": ({"data_root": 3}, "data_root: must be a path, got 3"),
    "a block for a folder": ({"data_root.x": "data"}, "data_root: must be a path"),
    "another registry": ({"mlflow_uri": "sqlite:///x"}, "mlflow_uri: is not for jobs to set"),
    "another class": ({"faq_raw_type": "os.system"}, "faq_raw_type: is not for jobs to set"),
    "the environment's secrets": ({"video_retry": "${oc.env:HOME}"}, "refers to something else"),
    "a secret as a name": ({"video.style.styles": {"${oc.env:HOME}": "ink"}}, "refers to something else"),
    "an unknown parameter": ({"video.style.stren": 1.0}, "did you mean 'strength'"),
    "an unknown name": ({"viedo_raw": "data"}, "viedo_raw: unknown key"),
    "another type": ({"video.style.strength": "0.5"}, "video.style.strength: must be a number"),
    "out of range": ({"video": {"style": {"strength": 7.0}}}, "video.style.strength: must be at most 1"),
    "both at once": ({"video": 3, "video.style.strength": 1.0}, "video has a value already"),
    "twice": ({"video.style": {"strength": 1.0}, "video.style.strength": 1.0}, "video.style.strength: is given twice"),
    "no name": ({"video..x": 1}, "is no name of a parameter"),
    "a zero byte": ({"video_retry": "a\0b"}, "has letters that are none"),
    "half a letter": ({"video_retry": "\ud800"}, "has letters that are none"),
    "no JSON": ({"video.style.strength": float("nan")}, "are not what JSON can hold"),
    "too much": ({"video_retry": "x" * 70_000}, "65536 are the most"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused(case: str, checker: RequestChecker) -> None:
    parameters, message = REFUSED[case]
    with pytest.raises(RefusedError) as error:
        checker.check("video", parameters, "local")
    assert message in str(error.value)


def test_depth_has_an_end(checker: RequestChecker) -> None:
    deep: Any = {}
    for _ in range(20):
        deep = {"a": deep}
    with pytest.raises(RefusedError, match="nested more than 8 deep"):
        checker.check("video", deep, "local")
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(RefusedError, match="what JSON can hold"):
        checker.check("video", deep, "local")


def test_a_link_out_of_a_folder_is_no_way(make_settings: MakeSettings, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "link").symlink_to("/etc")
    checker = RequestChecker(make_settings(allowed=(str(tmp_path / "mine"),)))
    with pytest.raises(RefusedError, match="lies in none"):
        checker.check("video", {"video_raw": str(tmp_path / "mine" / "link")}, "local")


def test_pipelines_and_environments_are_those_there_are(checker: RequestChecker) -> None:
    with pytest.raises(RefusedError, match="there is no 'vidoe', did you mean 'video'"):
        checker.check("vidoe", {}, "local")
    with pytest.raises(RefusedError, match="environment: '../x' may not be asked for; there are: local, test, azure"):
        checker.check("video", {}, "../x")


def test_the_project_s_own_faults_are_not_whoever_asks_s(checker: RequestChecker, tmp_path: Path) -> None:
    conf = tmp_path / "project" / "conf"
    (conf / "base").mkdir(parents=True)
    (conf / "local").mkdir()
    (conf / "base" / "parameters.yml").write_text("faq: {}\n")
    settings = settings_of(tmp_path / "project")
    with pytest.raises(ConfigurationError, match="the project's configuration is wrong"):
        RequestChecker(settings).check("video", {}, "local")
    (conf / "local").rmdir()
    with pytest.raises(ConfigurationError, match="conf/local"):
        RequestChecker(settings).check("video", {}, "local")


def test_every_name_of_the_configuration_is_a_place_or_known_to_be_none() -> None:
    names = runtime_names([ROOT / "conf" / "base"])
    places = {
        *("data_root", "work_root", "faq_raw", "faq_questions", "shelf_raw", "shelf_photos"),
        *("faq_additions", "faq_requests", "shelf_requests", "faq_model", "shelf_model"),
        *("faq_drift_reference", "shelf_drift_reference"),
        *("video_raw", "style_model", "style_image", "style_photos"),
    }
    assert names == places | OPERATORS | TEXTS


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{tmp_path} is not the project"):
        settings_of(tmp_path)
