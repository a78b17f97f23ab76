"""What tidies: clean-up, documents and their index."""

from collections.abc import Iterator

from gate.facts.work import (
    Destination,
    Documents,
    Duplicates,
    Filing,
    Index,
    Phase,
    Rule,
    Step,
    Sweep,
)
from gate.policy import Policy


def clean(policy: Policy) -> Step:
    """Take what is dead."""
    rules = tuple(
        Rule(
            kind=kind,
            match=rule.match,
            empty=rule.empty,
            tool=rule.tool,
            regenerable=rule.class_ == "regenerable",
            live=rule.live,
            age=rule.max_age,
            keep=rule.keep,
        )
        for kind, rule in policy.cleanup.kinds.items()
    )
    work = Sweep(rules=rules, protect=policy.cleanup.protect)
    return Step(check="clean", phase=Phase.CLEAN, does="remove dead caches and artefacts", command="nox -s clean", work=work)


def links(policy: Policy) -> Step:
    """Follow links, and know where each document belongs."""
    docs = policy.docs
    work = Documents(
        match=docs.match,
        leave=docs.leave,
        root=docs.root,
        home=docs.home,
        destinations=tuple(Destination(folder=folder, filings=tuple(_filings(policy, folder))) for folder in docs.destinations),
        still=(*policy.workflow.record.paths, *([docs.index] if docs.index else [])),
    )
    return Step(
        check="docs/links",
        phase=Phase.DOCS,
        does="follow every link inside the repository and find stray documents",
        command="nox -s links",
        work=work,
    )


def _filings(policy: Policy, folder: str) -> Iterator[Filing]:
    """Take the rules of one destination apart, each with its line."""
    wanted = policy.docs.destinations[folder]
    lists: dict[tuple[str, ...], tuple[str, ...]] = {(by,): getattr(wanted, by) for by in ("path", "name", "heading", "assets")}
    lists |= {("front_matter", key): values for key, values in wanted.front_matter.items()}
    for keys, patterns in lists.items():
        for at, pattern in enumerate(patterns):
            place = policy.places.get(".".join(("docs.destinations", folder, *keys, str(at))), "policies/docs.yaml")
            yield Filing(by=keys[0], pattern=pattern, key="".join(keys[1:]), place=place)


def index(policy: Policy) -> Iterator[Step]:
    """Look after the index of documents, where there is to be one."""
    page = policy.docs.index
    if page:
        work = Index(path=page, match=policy.docs.match, leave=policy.docs.leave)
        does = f"compare the index in {page} with the documents"
        yield Step(check="docs/index", phase=Phase.DOCS, does=does, command="nox -s docs", work=work)


def duplicates(policy: Policy) -> Step:
    """Find documents that say the same."""
    docs = policy.docs
    work = Duplicates(match=docs.match, leave=docs.leave, threshold=docs.duplicates.threshold, fails=docs.duplicates.fail)
    return Step(check="docs/duplicates", phase=Phase.DOCS, does="find documents that say the same", command="nox -s docs", work=work)
