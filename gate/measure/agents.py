"""Agent cases: every question in fresh children, and what became of each child."""

import json
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import gate.probe
from gate.command import Ran, run
from gate.facts import Hotspot, Question, Reading, Series, TypeSize
from gate.units import show_size, show_time

WINDOWS = 128  # readings of one growth series
_HANDLE_WINDOWS = 64
_HANDLE_STEPS = 256  # enough for one handle in 100 steps, and a leaked descriptor a step stays below the usual limit of 1,024
_HANDLE_SHARE = 16  # of the steps that growth takes; counting handles costs more than a step
_LAUNCH = Path(gate.probe.__file__).with_name("launch.py")
_TAIL = 5  # lines of what a broken child printed
_SHARE = 0.8  # of the time budget that the question may use; a child that is still busy at the end of it is stopped

Answer = dict[str, Any]  # JSON to and from the child: see gate/probe/__main__.py


def measure(question: Question, root: Path) -> Reading:
    """Put one question; footprint needs a fresh child for each population size."""
    answers: list[Answer] = []
    wall = 0.0
    for numbers in _numbers(question):
        answer, took, trouble = _ask(question, question.name, numbers, root)
        wall += took
        answers.append(answer)
        if trouble:
            return _reading(answers, wall, trouble=trouble)
        if "absent" in answer:
            return _reading(answers, wall, absent=str(answer["absent"]))
    warm_up = tuple(answers[0]["series"].get("warm_up", (0, 0)))
    return replace(_reading(answers, wall), series=_series(question, answers), samples=len(answers), warm_up=warm_up)


def explain(question: Question, root: Path, reading: Reading) -> Reading:
    """Ask two more children, slow ones, which lines and which types hold the memory."""
    if question.name == "handles":
        return reading
    kind = "footprint" if question.name == "footprint" else "growth"
    numbers: Answer = (
        {"size": question.sizes[0], "settle": question.settle}
        if kind == "footprint"
        else {"population": question.population, "settle": question.settle, "steps": _watched(question)}
    )
    answer, took, trouble = _ask(question, f"trace-{kind}", numbers, root)
    lines = [] if trouble else answer.get("hotspots", [])
    types, more, unknown = _types(question, root)
    hotspots = tuple(Hotspot(**{**line, "path": _relative(str(line["path"]), root)}) for line in lines)
    nowhere = "" if hotspots else "no line of Python holds it: memory of C code, or garbage that nobody collects"
    said = {name: text for name, text in (("lines", trouble or nowhere), ("types", unknown)) if text}
    return replace(reading, hotspots=hotspots, types=types, wall=reading.wall + took + more, pins={**reading.pins, **said})


def _numbers(question: Question) -> list[Answer]:
    """Return what each child is asked with."""
    if question.name == "footprint":
        return [{"size": size, "settle": question.settle} for size in question.sizes]
    common: Answer = {"population": question.population, "settle": question.settle}
    if question.name == "handles":
        steps = min(question.steps, max(_HANDLE_STEPS, question.steps // _HANDLE_SHARE))
        return [{**common, "windows": _HANDLE_WINDOWS, "per_window": max(1, steps // _HANDLE_WINDOWS)}]
    windows = min(WINDOWS, question.steps)
    return [{**common, "windows": windows, "per_window": question.steps // windows}]


def _watched(question: Question) -> int:
    """Return how many steps a traced run takes: enough to see what repeats, few enough for its price."""
    return min(question.steps, 1024)


def _series(question: Question, answers: list[Answer]) -> tuple[Series, ...]:
    """Turn answers into series over agents or steps."""
    taken = [answer["series"] for answer in answers]
    if question.name == "footprint":
        gains = {name: [rows[name][1] - rows[name][0] for rows in taken] for name in ("heap", "rss")}
        return tuple(
            Series(meter=name, unit="B", over="agents", counts=question.sizes, values=tuple(values))
            for name, values in gains.items()
            if all(rows[name][0] >= 0 for rows in taken)
        )
    rows = taken[0]
    per_window = rows["per_window"][0] if "per_window" in rows else _numbers(question)[0]["per_window"]
    return tuple(
        Series(
            meter=name,
            unit="" if question.name == "handles" else "B",
            over="steps",
            counts=tuple(per_window * (at + 1) for at in range(len(values))),
            values=tuple(values),
        )
        for name, values in rows.items()
        if name in {"heap", "rss", "fds", "threads", "children"} and all(value >= 0 for value in values)
    )


def _reading(answers: list[Answer], wall: float, *, trouble: str = "", absent: str = "") -> Reading:
    """Gather what all children said of themselves."""
    last = answers[-1] if answers else {}
    pins = dict(last.get("pins", {}))
    noise = [rows["noise"][0] for rows in (answer.get("series", {}) for answer in answers) if "noise" in rows]
    if noise:
        pins["noise floor"] = f"{noise[0]} B over 1,000 steps of nothing"
    return Reading(
        wall=wall,
        cpu=sum(float(answer.get("cpu", 0.0)) for answer in answers),
        pins=pins,
        versions={"python of the measured child": str(last["python"])} if "python" in last else {},
        trouble=trouble,
        absent=absent,
    )


def _ask(question: Question, name: str, numbers: Answer, root: Path) -> tuple[Answer, float, str]:
    """Start one child; return its answer, the seconds it took and, when it could not answer, why."""
    with tempfile.TemporaryDirectory(prefix="gate-") as scratch:
        request, answer = Path(scratch, "request.json"), Path(scratch, "answer.json")
        wanted = {
            "root": str(root),
            "question": name,
            "build": question.build,
            "step": question.step,
            "answer": str(answer),
            "memory": question.budget.memory,
            "numbers": numbers,
            "until": time.monotonic() + question.budget.seconds * _SHARE,
        }
        request.write_text(json.dumps(wanted), encoding="utf-8")
        ran = run(
            [sys.executable, "-I", "-S", str(_LAUNCH), str(request)],
            cwd=root,
            seconds=question.budget.seconds,
            output=question.budget.output,
        )
        told = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {}
    return told, ran.wall, _trouble(question, name, ran, told)


def _trouble(question: Question, name: str, ran: Ran, told: Answer) -> str:
    """Say why a child's answer cannot be used, or return ""."""
    printed = len(ran.out) + len(ran.err)
    if ran.stopped == "time":
        why = f"took longer than {show_time(question.budget.seconds)} and was stopped; raise budget.time or lower steps"
    elif ran.stopped == "output" or printed > question.budget.output:
        why = f"printed more than {show_size(question.budget.output)}; silence it or raise budget.output"
    elif "error" in told:
        return f"{told['error']}"
    elif not told:
        why = f"{_ended(ran.code)} before it answered"
    elif told.get("left") and name != "handles":
        why = f"left {told['left']} processes behind; end them within the step"
    elif ran.stragglers and name != "handles":
        why = "left processes behind; end them within the step"
    else:
        return ""
    tail = (ran.err or ran.out).strip().splitlines()[-_TAIL:]
    return "\n".join([f"the measured child {why}", *tail])


def _ended(code: int) -> str:
    """Word how a process ended."""
    if code >= 0:
        return f"exited with {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {-code}"


def _types(question: Question, root: Path) -> tuple[tuple[TypeSize, ...], float, str]:
    """Ask a throw-away child which types multiplied; say why when it cannot tell."""
    wanted = {
        "root": str(root),
        "build": question.build,
        "step": question.step,
        "agents": question.sizes[0] if question.name == "footprint" else question.population,
        "settle": question.settle,
        "steps": 0 if question.name == "footprint" else _watched(question),
    }
    ran = run([sys.executable, "-P", "-m", "gate.measure.scan", json.dumps(wanted)], cwd=root, seconds=question.budget.seconds)
    if ran.code:
        tail = ran.err.strip().splitlines()
        return (), ran.wall, f"not measured: the type scan {_ended(ran.code)}: {tail[-1] if tail else ran.stopped}"
    try:
        rows = json.loads(ran.out.splitlines()[-1])
    except (ValueError, IndexError):  # the user's code printed over it
        return (), ran.wall, "not measured: the agents print, and the type scan answers on standard output; silence them"
    return tuple(TypeSize(name=name, count=count, size=size) for name, count, size in rows), ran.wall, ""


def _relative(path: str, root: Path) -> str:
    """Shorten a path below the root."""
    return str(Path(path).relative_to(root)) if path.startswith(f"{root}/") else path
