"""What runs side by side ends together: nothing of it is left when one of it fails, or when the user interrupts."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from gate import command

_MOMENT = 0.05  # seconds between two attempts to end what still runs
_LISTEN = 0.2  # seconds after which a wait hears of an interrupt that another thread received

Later = Callable[..., Future[Any]]  # call this in a thread, when there is one


def answer(asked: Future[Any]) -> Any:  # noqa: ANN401 - what was called decides
    """Wait for one call, and return what it returned or raise what it raised.

    A wait without an end would not hear of an interrupt that the system delivered to another thread.
    """
    while not asked.done():
        wait([asked], timeout=_LISTEN)
    return asked.result()


@contextmanager
def side_by_side(most: int) -> Iterator[Later]:
    """Give what calls a function in a thread: one for each core, and no more than `most`.

    An error or an interrupt within the block ends the children of what runs, forgets what waits, and is raised when all is over.
    """
    asked: list[Future[Any]] = []
    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, most)) as pool:

        def later(*words: Any) -> Future[Any]:  # noqa: ANN401 - a call and its arguments
            asked.append(pool.submit(*words))
            return asked[-1]

        try:
            yield later
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while any(each.running() for each in asked):  # also what a thread is just starting; what was cancelled is never done
                command.stop_all()
                time.sleep(_MOMENT)
            raise
