"""A service that takes jobs and serves no model: `python tests/service/jobs_process.py FOLDER PORT`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from triptych.jobs.settings import JobSettings
from triptych.service.app import create_app
from triptych.service.params import ServiceParams
from triptych.service.server import make_server
from triptych.service.sources import Settings
from triptych.service.taking_jobs import taking_jobs

ROOT = Path(__file__).parents[2]


def make_settings(params: ServiceParams | None = None, **changes: Any) -> Settings:
    """Make settings of a service without models."""
    params = params or ServiceParams()
    return Settings(workloads=(), params=params, tracking_uri="", models={}, style_model=Path(), **changes)


def make_job_settings(folder: Path) -> JobSettings:
    """Make settings by which a job writes its name into a ledger, before and after."""
    line = f"cd {folder} || exit; echo begin {{id}} >> ledger; sleep 0.2; echo end {{id}} >> ledger"
    return JobSettings(
        project=ROOT,
        folder=folder / "jobs",
        allowed=(str(folder),),
        poll_s=0.05,
        command=("/bin/sh", "-c", line),
    )


if __name__ == "__main__":
    folder, given = Path(sys.argv[1]), ServiceParams().replace(port=int(sys.argv[2]))
    with taking_jobs(make_job_settings(folder)) as router:
        make_server(create_app(make_settings(given), [router]), given).run()
