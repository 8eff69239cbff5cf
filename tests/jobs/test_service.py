from __future__ import annotations

import pytest

from tests.jobs.conftest import MakeSettings, ask, look, work
from triptych.jobs.attempts import Attempt
from triptych.jobs.service import Jobs


def test_progress_is_known_however_much_was_said_since(make_settings: MakeSettings) -> None:
    settings = make_settings("echo Completed 2 out of 5 tasks; seq 20000; echo last")
    (job,) = ask(settings)
    work(settings)
    progress = Jobs(settings).read_progress(look(settings, job))
    assert (progress.steps_done, progress.steps, progress.line) == (2, 5, "last")


@pytest.mark.parametrize("most_bytes", [1, 4, 5, 1000])
def test_no_letter_of_a_log_is_cut_in_two(make_settings: MakeSettings, most_bytes: int) -> None:
    settings = make_settings("echo 'aö日本😀b'")
    (job,) = ask(settings)
    work(settings)
    jobs, job = Jobs(settings), look(settings, job)
    parts, offset = [], 0
    while part := jobs.read_log(job, offset, most_bytes):
        offset += len(part)
        parts.append(part.decode())
    assert "".join(parts) == Attempt(settings.folder, job).log.read_text() == "aö日本😀b\n"
