"""The process that looks at files: `python -m triptych.watcher.checker_process MAX_MEMORY_MB TIMEOUT_S`.

It reads lines `["kind", "path"]`. To each it answers with two: an empty one as soon as what reads the kind is imported,
then what it found, `{"fault": ""}` of a good file.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from triptych.errors import InputError
from triptych.watcher.kinds import KINDS, Kind

_GRACE_S = 30


def main(arguments: list[str]) -> None:
    """Answer until there is nothing more to read.

    Args:
        arguments: How much memory the process may take, in MB, and how long a file, in seconds.
    """
    max_memory_mb, timeout_s = map(float, arguments)
    with os.fdopen(os.dup(1), "w", encoding="ascii") as answers:
        os.dup2(2, 1)  # what libraries print is no answer
        _be_the_first_to_go()
        for line in sys.stdin:
            name, path = json.loads(line)
            for module in KINDS[name].modules:
                importlib.import_module(module)
            print(file=answers, flush=True)
            limit_memory(max_memory_mb)
            signal.alarm(int(timeout_s) + _GRACE_S)  # if nobody is there any more who would end this
            print(json.dumps(look_at(KINDS[name], Path(path))), file=answers, flush=True)
            signal.alarm(0)


def limit_memory(max_mb: float) -> None:
    """Limit what this process may allocate; where the system does not, as macOS, nothing does."""
    import resource

    most = int(max_mb * 1e6)
    with suppress(ValueError, OSError):  # there is a lower one already
        resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _be_the_first_to_go() -> None:
    """Have the kernel kill this process, and not the watcher, when the memory of the machine is used up."""
    with suppress(OSError):  # of Linux only
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def look_at(kind: Kind, path: Path) -> dict[str, str]:
    """Check a file.

    Returns:
        `fault`: why it cannot be used, empty if it can; or `machine`: what was wrong with the machine.
    """
    try:
        kind.check(path)
    except OSError as error:
        return {"machine": f"{path.name}: {error}"}
    except Exception as error:  # or it would hold up those that landed with it
        if _lacks_memory(error):
            return {"fault": "it takes more memory to read than it may"}
        if isinstance(error, InputError):
            return {"fault": str(error)}
        sys.excepthook(type(error), error, error.__traceback__)
        return {"fault": f"it could not be checked, which is a fault of triptych's: {type(error).__name__}: {error}"}
    return {"fault": ""}


def _lacks_memory(error: BaseException | None) -> bool:
    """Tell whether that is behind an error: libraries call it damage."""
    return error is not None and (isinstance(error, MemoryError) or _lacks_memory(error.__cause__ or error.__context__))


if __name__ == "__main__":
    main(sys.argv[1:])
