"""Files that appear whole or not at all.

Invariant: at every moment the name holds the old content or the new, never a part.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from clipstore.errors import DiskFull, OutputError


def write_whole(path: Path, text: str) -> None:
    """Write `text` as UTF-8 under `path`, replacing a regular file there.

    Raises `OutputError` or `DiskFull`; an older file stays as it was.
    """
    content = text.encode("utf-8")
    with whole_file(path) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends without an error.

    Raises `OutputError` or `DiskFull`; an older file stays as it was.
    """
    if path.is_dir():
        raise OutputError(path, "it is a folder; name a file")
    if not path.parent.is_dir():
        raise OutputError(path, f"the folder {path.parent} does not exist")
    target = path.resolve()
    temporary = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
        temporary = None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull(path, "The older file there, if any, is unchanged.") from error
        raise OutputError(path, error.strerror or str(error)) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
