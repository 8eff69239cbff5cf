"""Models become versions, in a plain database and on a server without logged models and aliases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.registry.conftest import MakeCandidate, Store
from triptych.registry import Decision, ModelRegistry, PromotedModel, UnreadableVersionError, register
from triptych.registry.model_registry import ALIAS


def read_artifact(run_id: str, path: str, folder: Path) -> str:
    import mlflow

    uri = f"runs:/{run_id}/{path}"
    return Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder))).read_text(encoding="utf-8")


def test_models_become_versions_with_all_their_papers(
    store: Store, make_new_version: MakeCandidate, tmp_path: Path
) -> None:
    records = [register(make_new_version(text)) for text in ("one", "two")]
    assert [record["version"] for record in records] == [1, 2]
    first = records[0]
    assert first["model_uri"] == f"models:/{store.name}/1"
    assert (first["promoted"], first["reason"], first["data_fingerprint"]) == (True, "because", "abc")
    run = store.client.get_run(first["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.params == {"faq.split.seed": "3"}
    assert run.data.metrics == {"faq.known.model.mrr": 0.5}
    assert store.tags(1)["triptych.data_fingerprint"] == "abc"
    version = store.client.get_model_version(store.name, "1")
    assert (version.run_id, version.description, version.status) == (first["run_id"], "because", "READY")
    for number, text in enumerate(("one", "two"), start=1):
        assert PromotedModel(store.name, number).read_text("weights.txt") == text
    assert json.loads(PromotedModel(store.name, 1).read_text("report/metrics.json")) == {"mrr": 0.5}
    assert json.loads(read_artifact(first["run_id"], f"registration/{store.name}-1.json", tmp_path)) == first


def test_the_mark_moves_to_what_is_promoted_and_only_then(store: Store, make_new_version: MakeCandidate) -> None:
    registry = ModelRegistry()
    assert registry.find_promoted(store.name) is None
    alias = register(make_new_version())["alias"]
    assert alias is store.has_aliases
    assert registry.find_promoted(store.name) == PromotedModel(store.name, 1)
    record = register(make_new_version(decision=Decision(False, "worse", 1)))
    assert (record["promoted"], record["alias"], record["compared_with"]) == (False, False, 1)
    assert registry.find_promoted(store.name) == PromotedModel(store.name, 1)
    register(make_new_version(decision=Decision(True, "better", 1)))
    assert registry.find_promoted(store.name) == PromotedModel(store.name, 3)
    assert [store.tags(number)["triptych.promoted"] for number in (1, 2, 3)] == ["false", "false", "true"]
    if store.has_aliases:
        assert int(store.client.get_model_version_by_alias(store.name, ALIAS).version) == 3


@pytest.mark.parametrize("store", ["azure_like"], indirect=True)
def test_the_missing_interfaces_are_missing_and_only_aliases_are_asked_for(
    store: Store, make_new_version: MakeCandidate
) -> None:
    register(make_new_version())
    assert store.proxy
    assert store.proxy.refused
    assert all("registered-models/alias" in request for request in store.proxy.refused)


@pytest.mark.parametrize("store", ["azure_like"], indirect=True)
def test_log_model_fails_on_the_server_that_lacks_logged_models(store: Store) -> None:
    """If this one passes some day, so may MLflow's own way of registering."""
    import mlflow

    with mlflow.start_run(), pytest.raises(mlflow.MlflowException, match="404"):
        mlflow.pyfunc.log_model(name="model", python_model=lambda model_input: model_input)


def test_a_version_promoted_meanwhile_keeps_the_mark(store: Store, make_new_version: MakeCandidate) -> None:
    register(make_new_version())
    register(make_new_version(decision=Decision(True, "better", 1)))
    record = register(make_new_version(decision=Decision(True, "better", 1, {"difference": 0.1})))
    assert record["promoted"] is False
    assert record["reason"].startswith("version 2 was promoted meanwhile")
    assert record["difference"] == 0.1
    assert ModelRegistry().find_promoted(store.name) == PromotedModel(store.name, 2)


def test_an_active_run_is_used_and_stays_open(store: Store, make_new_version: MakeCandidate) -> None:
    import mlflow

    with mlflow.start_run() as run:
        mlflow.log_param("faq.split.seed", "3, as kedro-mlflow wrote it")
        records = [register(make_new_version(text)) for text in ("one", "two")]
        active = mlflow.active_run()
        assert active
        assert active.info.run_id == run.info.run_id
    assert [record["run_id"] for record in records] == [run.info.run_id] * 2
    # The second one of a run must not overwrite what the first version points to.
    assert [PromotedModel(store.name, number).read_text("weights.txt") for number in (1, 2)] == ["one", "two"]


def test_nothing_is_registered_if_the_model_cannot_be_written(store: Store, make_new_version: MakeCandidate) -> None:
    def fail(folder: Path) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        register(make_new_version(write=fail))
    assert list(store.client.search_model_versions(f"name='{store.name}'")) == []


def test_a_missing_file_of_a_version_is_named_in_one_line(store: Store, make_new_version: MakeCandidate) -> None:
    register(make_new_version())
    with pytest.raises(UnreadableVersionError, match=f"models:/{store.name}/1/nothing.txt cannot be read") as caught:
        PromotedModel(store.name, 1).read_text("nothing.txt")
    assert "\n" not in str(caught.value)


def test_of_two_marked_versions_the_later_one_counts(store: Store, make_new_version: MakeCandidate) -> None:
    for _ in range(2):
        register(make_new_version(decision=Decision(False, "worse")))
    client: Any = store.client
    for version in ("1", "2"):
        client.set_model_version_tag(store.name, version, "triptych.promoted", "true")
    assert ModelRegistry().find_promoted(store.name) == PromotedModel(store.name, 2)
    ModelRegistry().promote(store.name, 1)
    assert ModelRegistry().find_promoted(store.name) == PromotedModel(store.name, 1)


def test_the_report_may_hold_pictures_and_folders_come_back_whole(
    store: Store, make_new_version: MakeCandidate, tmp_path: Path
) -> None:
    picture = b"\x89PNG\r\n\x1a\n\xff"
    register(make_new_version(report={"overlays.png": picture, "note.txt": "grüne Lücke\r\n"}))
    model = PromotedModel(store.name, 1)
    folder = model.download("report", tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "overlays.png": picture,
        "note.txt": "grüne Lücke\r\n".encode(),
    }
    with pytest.raises(UnreadableVersionError, match="overlays.png cannot be read"):
        model.read_text("report/overlays.png")
    with pytest.raises(UnreadableVersionError, match=f"models:/{store.name}/1/nothing cannot be read"):
        model.download("nothing", tmp_path)
