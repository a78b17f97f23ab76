"""Print what the gate costs: quality checks against the bare tools, memory verdicts against the bare steps."""

import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from gate import inquiry
from gate.command import Ran, run
from gate.facts import Mode, Reading
from gate.facts.work import Question
from gate.flow import House, enter
from tests.bench import debts, hook, leaks, page, pruning, reuse, start, tidy, tree

ROUNDS = 5
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Run both benchmarks, interleaved, and print medians and ratios."""
    machine = f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}"
    print(f"{machine}; medians of {ROUNDS} rounds")
    quality()
    verdicts(enter(ROOT, Mode.CHECK))


def quality() -> None:
    """Compare `gate check quality --check` with ruff format, ruff check and mypy one after the other, caches warm."""
    house = enter(ROOT, Mode.CHECK)
    paths = house.policy.quality.paths
    bare = (
        ("ruff", "format", "--check", "--quiet", "--", *paths),
        ("ruff", "check", "--quiet", "--", *paths),
        ("mypy", "--no-error-summary", "--", *paths),
    )
    ours = ("gate", "check", "quality", "--check")
    further = len(house.policy.quality.commands)
    gate, tools, front = _in_turn(
        lambda: _sum([run(ours, cwd=ROOT)]),
        lambda: _sum([run(argv, cwd=ROOT) for argv in (*bare, *(command.run for command in house.policy.quality.commands.values()))]),
        lambda: _sum([run(argv, cwd=ROOT) for argv in bare]),
    )
    print(f"\nquality, warm: gate check quality against ruff format, ruff check, mypy and the {further} further linters of the policy")
    print(f"{'':<34}{'wall s':>8}{'CPU s':>8}")
    for name, cost in (
        ("gate, all side by side, recorded", gate),
        ("bare, one after the other", tools),
        ("of these ruff, ruff and mypy", front),
    ):
        print(f"{name:<34}{cost[0]:>8.2f}{cost[1]:>8.2f}")
    print(f"{'ratio gate / bare':<34}{gate[0] / tools[0]:>8.2f}{gate[1] / tools[1]:>8.2f}")


def verdicts(house: House) -> None:
    """Compare the time of each memory verdict with the same imports, agents and steps in a plain child."""
    print("\nmemory: time of one verdict against a plain child that builds the same agents and takes the same steps")
    print(f"{'question':<32}{'outcome':<14}{'wall s':>8}{'CPU s':>8}{'plain CPU s':>13}{'ratio':>8}")
    spent = []
    for step in house.steps:
        if not isinstance(step.work, Question):
            continue
        answers = [inquiry.answer([step.work], house.root)[0] for _ in range(3)]
        reading, finding = answers[0]
        plain = median(_plain(step.work, reading) for _ in range(3))
        wall, cpu = (median(getattr(reading, name) for reading, _ in answers) for name in ("wall", "cpu"))
        spent.append(cpu)
        print(f"{step.check.removeprefix('memory/'):<32}{finding.outcome:<14}{wall:>8.2f}{cpu:>8.2f}{plain:>13.2f}{cpu / plain:>8.2f}")
    print(f"{len(spent)} verdicts: median {median(spent):.2f} s of CPU, worst {max(spent):.2f} s")


def _plain(question: Question, reading: Reading) -> float:
    """Return the CPU seconds of the same work without an instrument."""
    footprint = question.name == "footprint"
    steps = question.settle + (0 if footprint else reading.series[0].counts[-1])
    sizes = [size + 1 for size in question.sizes] if footprint else [question.population]
    code = """
import importlib, json, sys
build, step, size, steps = json.load(open(sys.argv[1]))
build, step = (getattr(importlib.import_module(name.split(":")[0]), name.split(":")[1]) for name in (build, step))
agents = [build(index) for index in range(size)]
for _ in range(steps):
    for agent in agents:
        step(agent)
"""
    with tempfile.TemporaryDirectory() as scratch:
        request = Path(scratch, "request.json")
        total = 0.0
        for size in sizes:
            request.write_text(json.dumps([question.subject.build, question.subject.step, size, steps]), encoding="utf-8")
            total += run((sys.executable, "-c", code, str(request)), cwd=ROOT).cpu
    return total


def _in_turn(*acts: Callable[[], tuple[float, float]]) -> list[tuple[float, float]]:
    """Warm each up, then run them in turn; return the median wall and CPU seconds of each."""
    rows = [[act() for act in acts] for _ in range(ROUNDS + 1)][1:]
    return [(median(row[at][0] for row in rows), median(row[at][1] for row in rows)) for at in range(len(acts))]


def _sum(every: list[Ran]) -> tuple[float, float]:
    return sum(ran.wall for ran in every), sum(ran.cpu for ran in every)


if __name__ == "__main__":
    if sys.argv[1:2] == ["leaks"]:
        sys.exit(leaks.main(sys.argv[2:]))
    if sys.argv[1:2] == ["remedies"]:
        from tests.bench import remedies  # needs peers that nothing else needs

        sys.exit(remedies.main())
    if sys.argv[1:2] == ["debts"]:
        sys.exit(debts.main(sys.argv[2:]))
    if sys.argv[1:2] == ["tree"]:
        sys.exit(tree.main())
    if sys.argv[1:2] == ["page"]:
        sys.exit(page.main())
    if sys.argv[1:2] == ["start"]:
        sys.exit(start.main())
    if sys.argv[1:2] == ["hook"]:
        sys.exit(hook.main())
    if sys.argv[1:2] == ["reuse"]:
        sys.exit(reuse.main())
    if sys.argv[1:2] == ["pruning"]:
        pruning.main()
    elif sys.argv[1:2] == ["tidy"]:
        tidy.main()
    else:
        main()
