"""Second stage of a measured child: answer one wish after the other, until there are no more."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from gate.probe import meters, pins, questions


def main(request: str) -> None:
    """Answer every wish with one line; whatever the user's code does, an answer is a whole line or none."""
    wanted = json.loads(Path(request).read_text(encoding="utf-8"))
    hear, tell = (int(os.environ.pop(name)) for name in ("GATE_HEAR", "GATE_TELL"))
    for descriptor in (hear, tell):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - what the agents start does not hold our line
    pins.bound(wanted["memory"])
    reader = meters.Meters()
    subject: questions.Subject | None = None
    while True:
        wish = json.loads(_line(hear) or "null")
        if wish is None:
            break
        answer: dict[str, Any] = {}
        try:
            if subject is None:
                subject = _subject(wanted, reader)
            answer = subject.answer(wish)
        except BaseException as error:  # noqa: BLE001 - SystemExit and all else of the user's code is an answer too
            answer = {"error": _worded(error, wanted["root"])} | (subject.so_far() if subject else {})
        answer |= {"cpu": time.process_time(), "pins": pins.held(), "python": sys.version.partition(" ")[0]}
        os.write(tell, json.dumps(answer).encode() + b"\n")
    os._exit(0)  # threads that never end and exit handlers are not part of the question


def _line(hear: int) -> bytes:
    """Read one line, byte by byte: it is short, and nothing of it stays."""
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(hear, 1)
        if not more:
            return b""
        line += more
    return line


def _subject(wanted: dict[str, Any], reader: meters.Meters) -> questions.Subject:
    """Load the user's code."""
    sys.path.insert(0, str(wanted["root"]))
    sys.argv = [str(wanted["root"])]
    return questions.Subject(wanted, reader)


def _worded(error: BaseException, root: str) -> str:
    """Say what the user's code raised, and where."""
    import traceback  # noqa: PLC0415 - only when something went wrong

    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(root + os.sep)]
    frames = [frame for frame in own if not frame.filename.startswith(str(Path(__file__).parent))]
    where = f"{Path(frames[-1].filename).relative_to(root)}:{frames[-1].lineno}: " if frames else ""
    return f"{where}{type(error).__name__}: {error}"


if __name__ == "__main__":
    main(sys.argv[1])
