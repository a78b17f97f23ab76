"""What ruff and mypy are called with, before the paths: the whole check and the hook ask the same."""

HEADS = {
    "format": ("ruff", "format", "--check", "--output-format=json", "--"),
    "lint": ("ruff", "check", "--no-fix", "--output-format=json", "--"),
    "types": ("mypy", "--output=json", "--no-error-summary", "--no-pretty", "--"),
}
