"""What is measured right now: a line for each check, with what it has spent and what it may still spend."""

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from gate.facts.work import Question, Step, Tool
from gate.report.text import plain
from gate.units import show_count, show_time

_BAR = 16  # columns


class Live:
    """Lines that come and go with the checks they are about; nothing at all where nobody watches."""

    def __init__(self, screen: Console, total: int, *, watched: bool) -> None:
        """Describe the lines; the last one counts the checks that are over."""
        shown = watched and screen.is_terminal and not screen.is_dumb_terminal
        name = TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"))
        left = TextColumn("{task.fields[left]}", markup=False, table_column=Column(no_wrap=True, justify="right"))
        self._bar = Progress(
            name, BarColumn(bar_width=_BAR), left, TimeElapsedColumn(), console=screen, transient=True, disable=not shown, expand=True
        )
        self._total, self._over = total, 0
        self._all = self._bar.add_task("", total=total, left="")
        self._running: dict[str, TaskID] = {}
        self._count()

    def __enter__(self) -> Self:
        """Show them."""
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Take them away: what was found is told without them."""
        self._bar.stop()

    def __call__(self, step: Step, spent: float | None) -> None:
        """Tell of a step that it began, how much work it took so far, or that it is over."""
        if spent is None:
            task = self._running.pop(step.check, None)
            if task is not None:
                self._bar.remove_task(task)
            self._over += 1
            self._count()
            return
        most, left = _budget(step, spent)
        if step.check not in self._running:
            self._running[step.check] = self._bar.add_task(plain(step.check), total=most, left=left)
        self._bar.update(self._running[step.check], completed=min(spent, most or spent), left=left)

    def _count(self) -> None:
        """Say how many checks are over."""
        self._bar.update(self._all, description=show_count(self._total, "check"), completed=self._over, left=f"{self._over} done")


def _budget(step: Step, spent: float) -> tuple[float | None, str]:
    """Return what a step may spend, and what is left of it in words.

    Work of a question is counted as it is spent; a tool says nothing until it ends, and has only a time after which it is stopped.
    """
    work = step.work
    if isinstance(work, Question):
        return work.budget.cpu, f"{show_time(max(0.0, work.budget.cpu - spent))} of {show_time(work.budget.cpu)} of work left"
    return None, f"{show_time(work.seconds)} at the most" if isinstance(work, Tool) else ""
