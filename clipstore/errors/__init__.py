"""Every failure a user can meet, each with its exit code and its own message.

Invariant: a message says what was asked, what there is, and what to do next; the command line
prints it without a traceback. Bad pictures are not errors but data: see `types.Problem`.
"""

from clipstore.errors.base import ClipstoreError
from clipstore.errors.files import (
    CalibrationRefused,
    ImportRefused,
    PairsMissing,
    PromptFileError,
    RulesFileError,
    WebhookRefused,
)
from clipstore.errors.folders import (
    LayoutConflict,
    LayoutUnknown,
    NothingFound,
    PathMissing,
    PathNotText,
    PatternError,
    PatternMismatch,
    ReadersFailed,
)
from clipstore.errors.installation import LibraryMissing, ResourceMissing
from clipstore.errors.model import (
    DeviceFailed,
    DeviceFull,
    DeviceMissing,
    ModelMissing,
    ModelNameForeign,
    ModelRefused,
)
from clipstore.errors.questions import (
    OutputError,
    PageTooLarge,
    QueryError,
    RunUnknown,
    ServerFailed,
    ViewUnknown,
)
from clipstore.errors.store import (
    DiskFull,
    StoreCorrupt,
    StoreLocked,
    StoreMissing,
    StoreTooNew,
    StoreTooOld,
)

__all__ = [
    "CalibrationRefused",
    "ClipstoreError",
    "DeviceFailed",
    "DeviceFull",
    "DeviceMissing",
    "DiskFull",
    "ImportRefused",
    "LayoutConflict",
    "LayoutUnknown",
    "LibraryMissing",
    "ModelMissing",
    "ModelNameForeign",
    "ModelRefused",
    "NothingFound",
    "OutputError",
    "PageTooLarge",
    "PairsMissing",
    "PathMissing",
    "PathNotText",
    "PatternError",
    "PatternMismatch",
    "PromptFileError",
    "QueryError",
    "ReadersFailed",
    "ResourceMissing",
    "RulesFileError",
    "RunUnknown",
    "ServerFailed",
    "StoreCorrupt",
    "StoreLocked",
    "StoreMissing",
    "StoreTooNew",
    "StoreTooOld",
    "ViewUnknown",
    "WebhookRefused",
]
