"""Second stage of a measured child: answer one question and write the answer to a file."""

import json
import os
import platform
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from gate.probe import lines, meters, questions, target


def main(request: str) -> None:
    """Answer the request; whatever the user's code does, the answer is a whole file or none."""
    wanted = json.loads(Path(request).read_text(encoding="utf-8"))
    answer_to = Path(wanted["answer"])
    reader = meters.Meters()
    try:
        answer = _ask(wanted, reader)
    except BaseException as error:  # noqa: BLE001 - SystemExit and all else of the user's code is an answer too
        answer = {"error": _worded(error, wanted["root"])}
    answer |= {"pins": meters.pins(), "python": platform.python_version(), "cpu": time.process_time(), "left": reader.end_children()}
    partial = answer_to.with_suffix(".part")
    partial.write_text(json.dumps(answer), encoding="utf-8")
    partial.replace(answer_to)
    os._exit(0)  # threads that never end and exit handlers are not part of the question


def _ask(wanted: dict[str, Any], reader: meters.Meters) -> dict[str, Any]:
    """Load the user's code and put the question."""
    root, question, numbers = str(wanted["root"]), str(wanted["question"]), wanted["numbers"]
    sys.path.insert(0, root)
    sys.argv = [root]
    with meters.fixed_entropy():
        build, step = target.load(str(wanted["build"])), target.load(str(wanted["step"]))
    build = target.checked(build)
    questions.freeze()
    if question.startswith("trace-"):
        look = lines.footprint if question == "trace-footprint" else lines.growth
        return {"hotspots": look(build, step, root=root, **numbers)}
    if question != "handles" and not reader.has_heap:
        return {"absent": "psutil has no heap meter on this platform"}
    if question == "growth":
        numbers["until"] = wanted["until"]  # the clock is the system's: the time that starting took counts
    return {"series": questions.ASK[question](reader, build, step, **numbers)}


def _worded(error: BaseException, root: str) -> str:
    """Say what the user's code raised, and where."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(root + os.sep)]
    frames = [frame for frame in own if not frame.filename.startswith(str(Path(__file__).parent))]
    where = f"{Path(frames[-1].filename).relative_to(root)}:{frames[-1].lineno}: " if frames else ""
    return f"{where}{type(error).__name__}: {error}"


if __name__ == "__main__":
    main(sys.argv[1])
