"""The first page: runs and pictures, and no way to other files."""

from __future__ import annotations

from pathlib import Path

import httpx2
import mlflow
import pytest

from tests.service.conftest import Registry, encode_photo
from triptych.service.pages.runs import list_artifacts, list_runs, read_artifact
from triptych.service.params import ServiceParams


@pytest.fixture(scope="module")
def run(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run with a script in its name, metrics and a picture."""
    client = mlflow.MlflowClient(registry.uri)
    folder = tmp_path_factory.mktemp("artifacts")
    experiment = client.create_experiment("pages", folder.as_uri())
    run = client.create_run(experiment, run_name="<script>x()</script>").info.run_id
    client.log_metric(run, "map_50", 0.8125)
    picture = folder / "a b.png"
    picture.write_bytes(encode_photo(5))
    client.log_artifact(run, str(picture), "plots")
    client.set_terminated(run)
    return str(run)


def test_runs_are_shown_with_their_metrics_and_pictures(client: httpx2.Client, run: str) -> None:
    shown = client.get("/pages/runs").text
    assert "pages: &lt;script&gt;x()&lt;/script&gt;" in shown
    assert "<dt>map_50</dt><dd>0.8125</dd>" in shown
    assert f"/pages/runs/{run}/pictures" in shown
    pictures = client.get(f"/pages/runs/{run}/pictures").text
    assert f'src="/pages/runs/{run}/pictures/plots/a%20b.png"' in pictures
    picture = client.get(f"/pages/runs/{run}/pictures/plots/a%20b.png")
    assert (picture.content, picture.headers["Content-Type"]) == (encode_photo(5), "image/png")


def test_only_so_many_runs_are_listed(registry: Registry, run: str) -> None:
    assert [found.id for found in list_runs(registry.uri, 1)] == [run]
    assert list_runs(registry.uri, 0) == []
    assert list_artifacts(registry.uri, run) == ["plots/a b.png"]


@pytest.mark.parametrize("name", ["../../mlflow.db", "plots/../../x.png", "/etc/x.png", "none.png", "plots"])
def test_other_artifacts_are_not_given(registry: Registry, run: str, name: str) -> None:
    assert read_artifact(registry.uri, run, name) is None


def test_a_run_that_is_gone_is_told(client: httpx2.Client) -> None:
    assert "cannot be listed" in client.get("/pages/runs/0123/pictures").text
    assert client.get("/pages/runs/0123/pictures/a.png").status_code == 404


def test_pictures_of_reports_are_shown_and_nothing_else(client: httpx2.Client) -> None:
    page = client.get("/").text
    assert 'src="/pages/reports/shelf/over%20%26%20lays.png"' in page
    assert "over &amp; lays.png" in page
    assert "link.png" not in page  # it leads out of the folder
    assert client.get("/pages/reports/shelf/over%20%26%20lays.png").content == encode_photo(3)
    others = ("shelf/metrics.json", "page.svg", "link.png", "..%2f..%2fx.png", "%2e%2e/x.png", "none.png")
    for name in (*others, "a" * 300 + ".png"):
        assert client.get(f"/pages/reports/{name}").status_code == 404, name


def test_links_are_shown_only_if_given(client: httpx2.Client) -> None:
    page = client.get("/").text
    assert 'href="https://viz.example/"' in page
    assert "MLflow</a>" not in page.replace("Runs of MLflow</a>", "")


@pytest.mark.parametrize("link", ["javascript:x()", "viz", "ftp://x", "//x"])
def test_a_link_that_is_none_is_refused(link: str) -> None:
    with pytest.raises(ValueError, match="http://"):
        ServiceParams.read({"pages": {"viz_link": link}}, "service")


def test_no_folder_of_reports_is_no_fault(tmp_path: Path) -> None:
    from triptych.service.pages.runs import find_report, list_reports

    assert list_reports(None) == list_reports(tmp_path / "none") == []
    assert find_report(None, "a.png") is None
