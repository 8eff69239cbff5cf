"""The function app: a clock that calls landing.py. The host lets one instance do so at a time."""

from __future__ import annotations

import azure.functions as func
import landing

app = func.FunctionApp()


@app.timer_trigger(schedule="%LANDING_SCHEDULE%", arg_name="timer")
def start_video(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host asks for it by name
    """Look whether something landed."""
    landing.main()
