"""The report as Markdown: figures in, text out; no figure in it is written by hand."""

from gate.demo.figures import CLAIMED, Figures, Framework, Row, Sameness, Weight, claims
from gate.units import show_size, show_time

_RANDOM = 52  # bits of a float64 that no layout can foresee: its fraction
_TOGETHER = 100  # agents of the framework that live together

_ABOUT = """\
What remedies save, in bytes of one more live agent: slopes over populations in fresh processes, by the gate's exact heap meter and by
RssAnon after free memory was given back; the larger one counts. What was deleted or moved elsewhere would not be saved and was not done;
what several agents hold together is shown beside. Times are medians of steps that both agents took in turn."""
_LIMIT = "The limit of a lossless layout: log2 C(n, k) bits for where k of n states are, and 8 B for each of these."
_LOSSY = """\
Only "{state}" loses something: each step keeps {kept:,} states, and all steps together lost {lost:.2g} of the mass. Each pruning tells
its own L1 exactly, and the bound is their sum. What is lost may grow from step to step, so that no sum is a guarantee for every sequence
of readings: the L1 beside it was measured against the agent that prunes nothing. It is dense while it steps, and light between steps."""
_SHARED = """\
pymdp {version} in its own grid world of 29 x 29 cells, each agent with a start and a goal of its own. Shared is what agents stopped
owning when equal arrays became one: it is there once, and a part of it counts in each of {together} agents that live together."""
_UNCHANGED = """\
Nothing in pymdp was changed. Shared: `A B C D E policies`. Held as BeliefArray between steps: `C` and `qs`. Bounded: `prev_actions`,
to which pymdp appends at each step and which it never reads with the inference that it uses by default; the agents were weighed before
the first action was dropped, so that none is counted as saved."""


def write(found: Figures, picture: str) -> str:
    """Return the whole page; `picture` is the file of the plot beside it, or "" when there is none."""
    return "\n".join(
        [
            "# Memory report",
            "",
            _ABOUT,
            "",
            f"Written by `gate demo` in {show_time(found.seconds)}, on {found.machine}.",
            "",
            *(f"- {'Holds' if claim.holds else '**Does not hold**'}: {claim.text}." for claim in claims(found)),
            "",
            "## Agents with one joint belief",
            "",
            "| state | before: heap, RssAnon | after: heap, RssAnon | limit | shared | step before, after | after the same steps |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *map(_line, found.rows),
            "",
            *_notes(found.rows),
            *_plot(picture),
            "## Agents of pymdp",
            "",
            *_framework(found.framework),
            "",
        ]
    )


def _line(row: Row) -> str:
    """Return one row of the table."""
    lossless = not row.same.bound
    cells = (
        row.state,
        _weight(row.before),
        _weight(row.after),
        show_size(row.same.limit) if lossless else "-",
        show_size(row.shared),
        _steps(row.same),
        _result(row.same),
    )
    return f"| {' | '.join(cells)} |"


def _weight(weight: Weight) -> str:
    return f"{show_size(weight.heap)}, {show_size(weight.rss)}"


def _steps(same: Sameness) -> str:
    return f"{show_time(same.before)}, {show_time(same.after)} (x{same.after / same.before:.2g})"


def _result(same: Sameness) -> str:
    """Say how two agents compare."""
    if not same.bound:
        return f"{same.steps} steps: {'equal bit for bit' if same.same else 'not equal'}"
    return f"{same.steps} steps: L1 at most {same.apart:.2g}, bound {same.bound:.2g}"


def _notes(rows: tuple[Row, ...]) -> list[str]:
    """Explain what the table cannot say."""
    told = [_LIMIT, ""]
    for row in rows:
        bits = row.same.nonzero * _RANDOM / 8
        if row.same.bound:
            told += [_LOSSY.format(state=row.state, kept=row.same.kept, lost=row.same.lost), ""]
        elif bits > CLAIMED and not row.dense:
            alone = f"of each of the {row.same.nonzero:,} values {_RANDOM} bits are random, which alone are {show_size(bits)}"
            told += [f"At {row.state} no lossless layout reaches {show_size(CLAIMED)}: {alone}.", ""]
    return told


def _plot(picture: str) -> list[str]:
    """Show the plot, or say why there is none."""
    if not picture:
        return ["There is no plot: `pip install 'heapgate[demo]'` brings matplotlib.", ""]
    alt = "Bytes of one more live agent before and after, a pair of bars for each kind of state, on a logarithmic axis"
    return [f"![{alt}]({picture})", ""]


def _framework(found: Framework) -> list[str]:
    """Tell what became of agents of a released framework."""
    if not found.stages or not found.same:
        return [found.absent]
    weights = [weight for _, weight in found.stages]
    once = weights[0].heap - weights[1].heap
    together = [weights[0].heap, *((once / _TOGETHER + weight.heap) for weight in weights[1:])]
    return [
        _SHARED.format(version=found.version, together=_TOGETHER),
        "",
        f"| stage | heap, RssAnon of one more | populations | shared, once | heap, each of {_TOGETHER} |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {name} | {_weight(weight)} | {', '.join(map(str, weight.counts))} | {show_size(once if at else 0)} | {show_size(each)} |"
            for at, ((name, weight), each) in enumerate(zip(found.stages, together, strict=True))
        ),
        "",
        _UNCHANGED,
        "",
        f"Action, position, `q_pi` and `qs` of the first and the last stage in the same world, {_result(found.same)}.",
        f"A step took {_steps(found.same)}.",
    ]
