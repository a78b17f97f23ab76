"""Files that last: all of the new content or all of the old, never a part."""

import os
import tempfile
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Put data in the place of a file; it is on disk before it is seen, and keeps the mode of what it replaces."""
    mode = path.stat().st_mode & 0o7777 if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def restore(path: Path, before: bytes | None) -> None:
    """Put a file back as it was; None means that it was not there."""
    if before is None:
        path.unlink(missing_ok=True)
        for folder in path.parents:  # folders that were made for it
            if any(folder.iterdir()):
                break
            folder.rmdir()
    else:
        replace_file(path, before)
