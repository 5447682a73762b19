"""Files that appear whole or not at all.

Invariant: at every moment the name holds the old content or the new, never a part.
"""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from clipstore.errors import DiskFull, OutputError


def write_whole(path: Path, text: str) -> None:
    """Write `text` as UTF-8 under `path`, replacing a regular file there.

    Raises `OutputError` or `DiskFull`; an older file stays as it was.
    """
    if path.is_dir():
        raise OutputError(path, "it is a folder; name a file")
    if not path.parent.is_dir():
        raise OutputError(path, f"the folder {path.parent} does not exist")
    content = text.encode("utf-8")
    target = path.resolve()
    temporary = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull(path, "The older file there, if any, is unchanged.") from error
        raise OutputError(path, error.strerror or str(error)) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
