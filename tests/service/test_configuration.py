"""Settings come from conf/, and the command line is over them; strangers are kept out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tests.service.conftest import TOKEN
from triptych.errors import InputError
from triptych.service.cli import read_service_token, serve
from triptych.service.configuration import read_settings
from triptych.service.params import ServiceParams
from triptych.service.server import check_exposure, is_loopback

ROOT = Path(__file__).parents[2]


def test_defaults_agree_in_model_and_conf() -> None:
    given = yaml.safe_load((ROOT / "conf/base/service.yml").read_text(encoding="utf-8"))["service"]
    assert ServiceParams.read(given) == ServiceParams()

    def names(block: Any) -> set[str]:
        nested = {f"{key}.{name}" for key, inner in block.items() if isinstance(inner, dict) for name in inner}
        return nested | set(block)

    assert names(given) == names(ServiceParams().model_dump())


def test_settings_are_read_from_the_project(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "conf/test/service.yml").write_text("service: {poll_s: 3.0, batch: {max_queue: 7}}\n")
    base = tmp_path / "conf/base/service.yml"
    base.write_text(base.read_text().replace("max_rows: 200", "max_rows: 100"))
    settings = read_settings(tmp_path, "test", ("faq", "faq"), {"port": 9000}, TOKEN)
    assert settings.workloads == ("faq",)
    assert (settings.params.port, settings.params.poll_s) == (9000, 3.0)
    assert (settings.params.batch.max_queue, settings.params.limits.max_rows) == (7, 100)
    assert settings.models == {"faq": "faq-matcher", "shelf": "shelf-detector"}
    assert settings.style_model == tmp_path / "data/01_raw/video_style/models/mosaic.pth"
    assert settings.tracking_uri == "sqlite:///mlflow.db"
    assert TOKEN not in repr(settings)


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="service.port"):
        read_settings(ROOT, "base", ("faq",), {"port": 70_000})
    with pytest.raises(InputError, match="there is no .*conf"):
        read_settings(tmp_path, "local", ("faq",), {})


def test_every_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://registry.example")
    assert read_settings(ROOT, "azure", ("faq",), {}).tracking_uri == "https://registry.example"
    assert read_settings(ROOT, "local", ("faq",), {}).tracking_uri == "sqlite:///mlflow.db"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - refused
        ("::", False),
        ("10.0.0.5", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_listening_beyond_loopback_needs_a_token(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
    params = ServiceParams().replace(host=host)
    check_exposure(params, TOKEN)
    if expected:
        check_exposure(params, None)
    else:
        with pytest.raises(InputError, match="can be reached from other machines: give a token by --token-env"):
            check_exposure(params, None)


def test_the_command_refuses_to_listen_beyond_loopback_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(serve, ["faq", "--host", "0.0.0.0"])  # noqa: S104 - refused
    assert (done.exit_code, "give a token by --token-env NAME" in done.output) == (1, True)


def test_a_token_is_read_and_taken_out_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("SERVICE_SECRET", TOKEN)
    assert read_service_token("SERVICE_SECRET", None) == TOKEN
    assert "SERVICE_SECRET" not in os.environ
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert read_service_token(None, tmp_path / "token") == TOKEN
    assert read_service_token(None, None) is None


@pytest.mark.parametrize("token", ["", "short", "a" * 15, "ü" * 20, "line\nbreak-that-is-long-enough"])
def test_a_token_that_keeps_nobody_out_is_refused(token: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(token, encoding="utf-8")
    with pytest.raises(InputError, match="must hold at least 16 characters") as caught:
        read_service_token(None, tmp_path / "token")
    assert not token or token not in str(caught.value)


def test_the_command_line_does_not_load_the_service() -> None:
    code = "import sys, triptych.__main__; print({'fastapi', 'mlflow', 'kedro', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
