"""What the page of each verb says beyond its options: what it is about, and words to try."""

EXIT_CODES = """exit codes:
  0    passed; for gate summary: COMPLETED
  1    the subject failed, or required evidence is missing or stale
  2    the gate could not work: a bad policy, a broken tool, bad usage
  3    not enough data to decide; never folded into 0 or 1
  130  interrupted"""

_LAW = "What it asks is written in policies/*.yaml; gate policy check says what is wrong in them."

_MORE = {
    "plan": """Tells the state of the repository and, for each phase, its paths with their bytes;
--json names all of them, each with its rule. The last line is the one command that
carries out exactly this plan.""",
    "clean": """Takes what a kind in policies/cleanup.yaml names, nothing else. What is regenerable and
ignored by git is removed, everything else goes to a trash below .gate.""",
    "docs": """Moves files, so it runs only when it is asked by name. gate check docs only looks.""",
    "policy": """Tells all mistakes of all files at once, each with its line and what to write instead.
guard names each field that lets more through than on the base, the commit where the branch
began, and fails until workflow.yaml acknowledges it; gate summary and gate finish do, too.
The schema of a file lets an editor complete and explain its keys.""",
    "check": f"""{_LAW}
Evidence holds for one tree, one set of policies and one environment. Where nothing that a
check reads has changed, it is not run again and says so.""",
    "measure": """Calls it in fresh processes until it is decided whether memory or handles are kept.
Needs no policy and no repository.""",
    "calibrate": "Measures every limit and writes `measured:` beside it; a limit far above is called dead.",
    "advise": "Looks at live agents twice and says what each proposal saves, costs, and the code to write.",
    "demo": "Exits with 1 when a claim of the report does not hold on this machine.",
    "summary": """Runs nothing. COMPLETED is written only when every required check passed on this tree, is
waived until a day, or was skipped where the policy calls it optional.""",
    "merge": """The folders are untrusted data: every record must be a regular file of the schema that
hashes to what it says, about this tree, these policies, this environment and a check that
the policies know. Otherwise nothing is taken over. Of two records of one check the worse
counts.""",
    "verify-summary": "Needs nothing but a clone. With --rerun every check runs again, in a checkout of its own.",
    "comment": """Run it in a checkout of the default branch, in a workflow on workflow_run. The comment gives
no verdict when the run was judged by other policies than those of this checkout.""",
    "finish": """Commits exactly the tree that was verified, with your hooks and your signing; pushes
only with --push. When anything stands in the way, every file is as it was.""",
    "schema": "Editors and other programs can check what they read with it.",
    "tree": """The id is that of the git tree that committing the work tree would give, without the paths
that hold summaries and tasks; it survives squash, rebase and merge.""",
    "task": "The tasks lie in the file that `tasks:` in policies/workflow.yaml names.",
    "doctor": "Finds what other programs left or overwrote, and what to do about it.",
    "report": "Measures nothing: it tells what is recorded of this tree, or of another one.",
    "init": "Overwrites nothing that is there, and can be taken back.",
    "hook": "Meant for pre-commit and prek; the whole gate is nox.",
    "completion": "Needs the shtab package, which comes with the gate; the script is static and asks the gate nothing.",
    "compare": """The base is checked out below .gate, and judged by the policies as they are now. What is on
record of its tree is not measured again. Exit code 1: a finding is new, a limit is broken
that held, or further broken, or a no_worse_than_base of policies/memory.yaml is not met;
3: nobody can tell whether one is met. What is better, or worse within its limit, is told.""",
    "baseline": "Debts of today may be lived with: they may become fewer, and never more.",
}

_EXAMPLES = {
    "plan": ("gate plan", "gate plan --json"),
    "clean": ("gate clean --dry-run", "gate clean", "gate clean --undo"),
    "docs": ("gate docs --dry-run", "gate docs", "gate docs --undo"),
    "policy": ("gate policy check", "gate policy guard", "gate policy schema memory > policies/.schema/memory.json"),
    "check": ("gate check lint", "gate check memory bot --explain", "gate check memory --shard 1/4"),
    "measure": ("gate measure bots.py:step --setup bots.py:Bot", 'gate measure bots:load --question growth --max "8 B/call"'),
    "calibrate": ("gate calibrate", "gate calibrate --check bot"),
    "advise": ("gate advise bot", "gate advise bot --apply-and-measure"),
    "demo": ("gate demo --out report.md",),
    "summary": ("gate summary", "gate summary --against main"),
    "merge": ("gate merge parts/shard-1 parts/shard-2",),
    "verify-summary": ("gate verify-summary docs/completed/20.2-completion-summary.md",),
    "comment": ('gate comment summary-evidence.json --event "$GITHUB_EVENT_PATH" --post',),
    "finish": ("gate finish --task 20.2", "gate finish --task 20 --cascade"),
    "schema": ("gate schema evidence",),
    "tree": ("gate tree", "gate tree HEAD~1"),
    "task": ("gate task show 20.2", "gate task finish 20.2"),
    "completion": ("gate completion bash > ~/.local/share/bash-completion/completions/gate",),
    "doctor": ("gate doctor",),
    "report": ("gate report --sarif --out gate.sarif", "gate report --html"),
    "init": ("gate init --dry-run", "gate init"),
    "hook": ("gate hook", "gate hook bots.py"),
    "compare": ("gate compare", "gate compare v1.2 --json"),
    "baseline": ("gate baseline create", "gate baseline update"),
}


def about(verb: str, sentence: str) -> str:
    """Return the head of a verb's page."""
    more = _MORE.get(verb, "")
    return f"{sentence[:1].upper()}{sentence[1:]}." + (f"\n\n{more}" if more else "")


def foot(verb: str) -> str:
    """Return the end of a verb's page: words to try, and what the exit code means."""
    tried = "".join(f"\n  {words}" for words in _EXAMPLES.get(verb, ()))
    return (f"examples:{tried}\n\n" if tried else "") + EXIT_CODES


def examples(verb: str) -> tuple[str, ...]:
    """Return words to try."""
    return _EXAMPLES.get(verb, ())
