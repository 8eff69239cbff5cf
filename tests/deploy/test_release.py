"""The way of a version from a training to the requests: gate, registry, shares of the traffic; and the way back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.deploy.stand_in import OUTPUTS, azure, calls, run

__all__ = ["azure"]

COMMIT = "0123456789012345678901234567890123456789"
MAIL = ("--email", "someone@example.org")


@pytest.fixture
def workspace(deploy_copy: Path, azure: dict[str, str]) -> dict[str, str]:
    """One in which version 1 is promoted, made by COMMIT."""
    (deploy_copy / "build/outputs.json").write_text(OUTPUTS, encoding="utf-8")
    answer(azure, "there", "")
    answer(azure, "commit", COMMIT)
    return azure


def answer(azure: dict[str, str], name: str, text: str) -> None:
    (Path(azure["ANSWERS"]) / name).write_text(text, encoding="utf-8")


def share(deploy_copy: Path, azure: dict[str, str], commit: str = COMMIT) -> int:
    done = run(deploy_copy / "share.sh", "faq", "--registry", "models", "--commit", commit, **azure)
    return done.returncode


@pytest.mark.parametrize("tag", [COMMIT, f"{COMMIT}-dirty"])
def test_what_was_better_goes_into_the_registry_once(deploy_copy: Path, workspace: dict[str, str], tag: str) -> None:
    answer(workspace, "commit", tag)
    assert share(deploy_copy, workspace) == 0
    (shared,) = [call for call in calls(workspace) if call.startswith("az ml model share")]
    assert "--name faq-matcher --version 1 --registry-name models --share-with-name faq-matcher" in shared
    assert (deploy_copy / "build/version").read_text() == "1-012345678901\n"
    answer(workspace, "shared", "")
    assert share(deploy_copy, workspace) == 0
    assert not [call for call in calls(workspace) if call.startswith("az ml model share")]
    assert (deploy_copy / "build/version").read_text() == "1-012345678901\n"


def test_a_version_of_another_workspace_is_not_taken_for_this_one(deploy_copy: Path, workspace: dict[str, str]) -> None:
    """A workspace that was made anew counts from 1 again, and a registry keeps what it has."""
    versions = set()
    for commit in (COMMIT, "f" * 40):
        answer(workspace, "commit", commit)
        assert share(deploy_copy, workspace, commit) == 0
        versions.add((deploy_copy / "build/version").read_text().strip())
        (shared,) = [call for call in calls(workspace) if call.startswith("az ml model share")]
        assert shared.split("--share-with-version ")[1].split()[0] in versions
    assert len(versions) == 2


def test_what_was_not_better_does_not(deploy_copy: Path, workspace: dict[str, str]) -> None:
    (deploy_copy / "build/version").write_text("7\n")  # of an earlier release
    assert share(deploy_copy, workspace, "f" * 40) == 3
    assert not [call for call in calls(workspace) if call.startswith("az ml model share")]
    assert not (deploy_copy / "build/version").exists()


@pytest.mark.parametrize(("status", "code"), [("Completed", 0), ("Failed", 2), ("Canceled", 2)])
def test_a_run_ends_as_its_job(deploy_copy: Path, workspace: dict[str, str], status: str, code: int) -> None:
    answer(workspace, "status", status)
    done = run(deploy_copy / "run.sh", "faq", "--params", '{"a": "it is"}', **workspace, PAUSE_S="0")
    assert done.returncode == code, done.stderr
    made = calls(workspace)
    assert re.fullmatch(r'triptych azure submit faq --aml-env triptych:\w{12} --params \{"a": "it is"\}', made[0])
    assert (deploy_copy / "build/job").read_text() == "job1\n"
    assert code == 0 or f"job1 ended as {status}" in done.stderr


def test_a_job_that_does_not_exist_is_not_waited_for(deploy_copy: Path, workspace: dict[str, str]) -> None:
    tool = Path(workspace["ANSWERS"]) / "tools/az"
    gone = tool.read_text().replace(
        '"ml job show"*)', '"ml job show"*) echo "UserError: not found" >&2; exit 3 ;;\n  x)'
    )
    tool.write_text(gone)
    done = run(deploy_copy / "run.sh", "--job", "a b'c", **workspace, PAUSE_S="0")
    assert done.returncode == 2
    assert "there is no job a b'c" in done.stderr


def test_a_lost_answer_does_not_end_the_wait(deploy_copy: Path, workspace: dict[str, str]) -> None:
    tool = Path(workspace["ANSWERS"]) / "tools/az"
    lost = """"ml job show"*)
    if [[ -s "$ANSWERS/lost" ]]; then
      sed -i 1d "$ANSWERS/lost"
      echo "ERROR: <urllib3> Connection reset by peer, AADSTS90033: a transient error" >&2
      exit 1
    fi
    echo Completed ;;
  x)"""
    tool.write_text(tool.read_text().replace('"ml job show"*)', lost))
    for times, code in ((3, 0), (30, 2)):
        answer(workspace, "lost", "x\n" * times)
        done = run(deploy_copy / "run.sh", "--job", "job1", **workspace, PAUSE_S="0")
        assert done.returncode == code, done.stderr
        assert code == 0 or "Connection reset by peer" in done.stderr


REGISTERED = ("faq", *MAIL, "--online", "--registry", "models", "--version", "7")


def shifts(azure: dict[str, str]) -> list[str]:
    found = [
        re.search(r"--traffic (\S+=\d+(?: \S+=\d+)*)|invoke .*--deployment-name (\w+)", call) for call in calls(azure)
    ]
    return [match[1] or match[2] for match in found if match]


def test_a_new_version_gets_more_and_more(deploy_copy: Path, workspace: dict[str, str]) -> None:
    answer(workspace, "traffic", "blue 100\n")
    done = run(deploy_copy / "serve.sh", *REGISTERED, "--steps", "10,50", "--soak", "0", **workspace)
    assert done.returncode == 0, done.stderr
    assert shifts(workspace) == ["green", "green=10 blue=90", "green", "green=50 blue=50", "green", "green=100 blue=0"]
    assert "model=azureml://registries/models/models/faq-matcher/versions/7" in done.stdout


def metrics(code: str, average: float | None) -> str:
    """As Azure Monitor answers."""
    about = [
        {"name": {"value": "deployment"}, "value": "green"},
        {"name": {"value": "modelstatuscode"}, "value": code},
    ]
    return json.dumps({"value": [{"timeseries": [{"metadatavalues": about, "data": [{"average": average}, {}]}]}]})


def test_a_version_that_fails_requests_gives_them_back(deploy_copy: Path, workspace: dict[str, str]) -> None:
    answer(workspace, "traffic", "blue 100\n")
    answer(workspace, "metrics", metrics("500", 2.0))
    done = run(deploy_copy / "serve.sh", *REGISTERED, "--steps", "10,50", "--soak", "0", **workspace)
    assert done.returncode == 2
    assert shifts(workspace) == ["green", "green=10 blue=90", "green", "blue=100 green=0"]
    assert "failed requests (2.0 a minute, summed up)" in done.stderr


@pytest.mark.parametrize("why", ["refused", "stopped"])
def test_shares_are_given_back_whatever_ends_the_script(deploy_copy: Path, workspace: dict[str, str], why: str) -> None:
    answer(workspace, "traffic", "blue 100\n")
    tool = Path(workspace["ANSWERS"]) / "tools/az"
    end = "echo 'Connection reset by peer' >&2; exit 1" if why == "refused" else "kill -TERM $PPID; exit 1"
    tool.write_text(tool.read_text().replace('"monitor metrics list"*)', f'"monitor metrics list"*) {end} ;;\n  x)'))
    done = run(deploy_copy / "serve.sh", *REGISTERED, "--steps", "10", "--soak", "0", **workspace)
    assert done.returncode != 0
    assert shifts(workspace) == ["green", "green=10 blue=90", "green", "blue=100 green=0"]


def test_a_deployment_that_has_a_share_is_not_overwritten(deploy_copy: Path, workspace: dict[str, str]) -> None:
    """As a script left it that was killed in between."""
    answer(workspace, "traffic", "blue 90\ngreen 10\n")
    for options in (REGISTERED, ("faq", "--back"), ("faq", "--retire")):
        done = run(deploy_copy / "serve.sh", *options, **workspace)
        assert done.returncode == 2
        assert "blue=100 green=0" in done.stderr
        assert "green=100 blue=0" in done.stderr
        assert not [call for call in calls(workspace) if " create " in call or " delete " in call or "update" in call]


@pytest.mark.parametrize("told", [metrics("400", 5.0), metrics("200", 5.0), metrics("500", None)])
def test_what_it_refuses_is_no_failure(deploy_copy: Path, workspace: dict[str, str], told: str) -> None:
    answer(workspace, "traffic", "blue 100\n")
    answer(workspace, "metrics", told)
    done = run(deploy_copy / "serve.sh", *REGISTERED, "--steps", "50", "--soak", "0", **workspace)
    assert done.returncode == 0, done.stderr


def test_the_first_version_of_all_gets_everything(deploy_copy: Path, workspace: dict[str, str]) -> None:
    assert run(deploy_copy / "serve.sh", *REGISTERED, "--steps", "10", **workspace).returncode == 0
    assert shifts(workspace) == ["blue", "blue=100"]


@pytest.mark.parametrize(
    ("script", "arguments", "message"),
    [
        ("serve.sh", ("faq", *MAIL, "--registry", "r"), "--registry needs --version"),
        ("serve.sh", ("faq", *MAIL, "--version", "1"), "goes with --registry"),
        ("serve.sh", ("faq", *MAIL, "--steps", "10,100"), "whole percents from 1 to 99, got 100"),
        ("serve.sh", ("faq", *MAIL, "--soak", "5m"), "--soak must be seconds"),
        ("share.sh", ("faq",), "--registry is needed"),
        ("run.sh", (), "say what to run"),
    ],
)
def test_wrong_options_are_refused(deploy_copy: Path, script: str, arguments: tuple[str, ...], message: str) -> None:
    done = run(deploy_copy / script, *arguments, "--dry-run")
    assert done.returncode == 2
    assert message in done.stderr


def test_an_image_that_was_built_is_taken_by_its_digest(deploy_copy: Path, azure: dict[str, str]) -> None:
    tool = Path(azure["ANSWERS"]) / "tools/az"
    workspace = '"ml workspace show"*) echo /subscriptions/0/x/registries/crtriptych ;;\n  "ml compute show"*)'
    tool.write_text(tool.read_text().replace('"ml compute show"*)', workspace))
    done = run(deploy_copy / "up.sh", *MAIL, "--build-image", "--no-run", **azure)
    assert done.returncode == 0, done.stderr
    made = calls(azure)
    (built,) = [call for call in made if call.startswith("az acr build --registry crtriptych --image triptych:")]
    assert built.endswith("deploy/build/image")
    assert not (deploy_copy / "build/image/requirements.lock").is_symlink()
    (registered,) = [call for call in made if call.startswith("az ml environment create")]
    assert " --image crtriptych.azurecr.io/triptych@sha256:abc " in registered
    assert not [call for call in made if call.startswith("kedro")]


def test_what_if_changes_nothing(deploy_copy: Path, azure: dict[str, str]) -> None:
    done = run(deploy_copy / "up.sh", *MAIL, "--what-if", "--operator", "a", **azure)
    assert done.returncode == 0, done.stderr
    assert [call.split(" --")[0] for call in calls(azure)] == [
        "az consumption budget show",
        "az deployment sub what-if",
    ]
