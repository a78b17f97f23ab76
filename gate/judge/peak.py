"""Decide whether the most that one step needs is within its limit."""

from gate.facts import Estimate, Finding, Outcome, Series
from gate.facts.work import Question
from gate.units import show_amount, show_count

_NOISE = 1 << 18  # bytes by which pages may exceed what was allocated in them


def judge(series: dict[str, Series], question: Question) -> Finding:
    """Compare the highest reading of any step with the limit: traced, or resident where pages show more than was traced."""
    limit, traced = question.limit, series["traced"]
    highest, meter = max(traced.values), "traced"
    pages = max(series["resident"].values) if "resident" in series else 0
    if pages > highest + _NOISE:
        highest, meter = pages, "resident"
    unit = limit.unit
    shown, most = show_amount(highest, unit), show_amount(limit.most, unit)
    details = [f"traced {show_amount(max(traced.values), unit)} in {show_count(len(traced.values), 'step')}"]
    details += [f"resident {show_amount(pages, unit)}, in pages"] if "resident" in series else ["resident: not measured"]
    if question.population > 1:
        details.append(f"a round of all {question.population}: {show_amount(max(series['round'].values), 'B')} above rest")
    value = Estimate(value=highest, low=highest, high=highest, points=len(traced.values))
    headline = f"peak {shown} above rest in one step ({meter}), limit {most}"
    if highest > limit.most:
        act = (
            f"need less at a time, or explain a higher limit at {limit.place}" if limit.place else "need less at a time, or allow it: --max"
        )
        return Finding(outcome=Outcome.FAILED, headline=headline, details=tuple(details), next_act=act, estimate=value, unit=unit)
    return Finding(outcome=Outcome.PASSED, headline=headline, details=tuple(details), estimate=value, unit=unit)
