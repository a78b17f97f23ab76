"""The door: words in, rooms called, an exit code out."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from gate import __version__
from gate.errors import GateError
from gate.report.text import plain
from gate.verbs import Act, adopting, checking, comparing, debts, finishing, manual, recording, reporting, sharing, tasks, tidying

_PIPE = 141  # what a shell reports for a program that SIGPIPE ended


def main(argv: Sequence[str], out: TextIO) -> int:
    """Do what the words say; return the exit code. Errors go to standard error, one clear line each."""
    try:
        words = parser().parse_args(argv, argparse.Namespace(line=shlex.join(("gate", *argv))))
        act: Act = words.act
        return act(words, out)
    except GateError as error:
        lines = [plain(line) for line in str(error).splitlines()]  # what others wrote may be in it
        sys.stderr.write("\n".join([f"gate: {lines[0]}", *lines[1:]]) + "\n")
        return 2
    except BrokenPipeError:  # whoever read our output has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE
    except (OSError, RecursionError) as error:
        where = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
        why = error.strerror if isinstance(error, OSError) else "nested too deep"
        sys.stderr.write(plain(f"gate: {where}{why}; make it readable and writable, or move it out of the way, and run again") + "\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("gate: interrupted\n")
        return 130
    except SystemExit as error:  # argparse has said what was wrong
        return error.code if isinstance(error.code, int) else 2


class _Page(argparse.ArgumentParser):
    """A parser whose help keeps its lines: of a verb, and of what a verb can do."""

    def __init__(self, **words: Any) -> None:  # noqa: ANN401 - as the library calls it
        """Lay out as it is written."""
        super().__init__(**{"formatter_class": argparse.RawDescriptionHelpFormatter, **words})


def _completion(whole: argparse.ArgumentParser) -> Act:
    """Return what prints a completion script of everything that the parser knows."""

    def act(words: argparse.Namespace, out: TextIO) -> int:
        import shtab  # noqa: PLC0415 - only who asks pays for it

        out.write(f"{shtab.complete(whole, words.shell)}\n")
        return 0

    return act


def parser() -> argparse.ArgumentParser:
    """Name every verb."""
    about = 'A quality gate that makes "it is done" checkable. gate VERB --help says more of each.'
    parser = _Page(prog="gate", description=about, epilog=manual.EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"gate {__version__}")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    def verb(name: str, act: Act, about: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=about, description=manual.about(name, about), epilog=manual.foot(name))
        made.set_defaults(act=act)
        return made

    made = verb("completion", _completion(parser), "print what lets a shell complete the words of gate")
    made.add_argument("shell", choices=("bash", "zsh", "fish"))
    for part in (adopting, tidying, checking, comparing, debts, finishing, recording, reporting, sharing, tasks):
        part.name(verb)
    return parser
