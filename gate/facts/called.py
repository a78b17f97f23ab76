"""What ruff and mypy are called with, before the paths: the whole check, the hook and adoption ask the same."""

HEADS = {
    "format": ("ruff", "format", "--check", "--output-format=json", "--"),
    "lint": ("ruff", "check", "--no-fix", "--output-format=json", "--"),
    "types": ("mypy", "--output=json", "--no-error-summary", "--no-pretty", "--"),
}
PARSE = (*HEADS["lint"][:-1], "--select=E9", "--", ".")  # a script that nobody lints must at least parse
