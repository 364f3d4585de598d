"""What happened to uploads, for metrics and logs: signals with the application as their sender.

Receivers are plain functions; they run where the upload was received, before its view goes on.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cruse.signals import Namespace
from cruse_uploads.errors import UploadNotAllowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cruse_uploads.sets import UploadSet
    from cruse_uploads.stored import Stored

__all__ = ["telling", "upload_received", "upload_refused"]

_signals = Namespace()

#: Sent with ``upload_set``, ``stored`` (whose ``size`` and ``type`` tell what came) and
#: ``seconds`` when a file was kept.
upload_received = _signals.signal("upload-received")
#: Sent with ``upload_set``, ``reason`` (see :data:`~cruse_uploads.errors.Reason`) and ``seconds``
#: when a rule refused a file.
upload_refused = _signals.signal("upload-refused")


@contextmanager
def telling(upload_set: UploadSet) -> Iterator[Callable[[Stored], None]]:
    """Tell how an upload ends; what this gives is called with the file that was kept."""
    start = time.perf_counter()
    app = upload_set.uploads.state.app

    def received(stored: Stored) -> None:
        seconds = time.perf_counter() - start
        upload_received.send(app, upload_set=upload_set, stored=stored, seconds=seconds)

    try:
        yield received
    except UploadNotAllowed as error:
        seconds = time.perf_counter() - start
        upload_refused.send(app, upload_set=upload_set, reason=error.reason, seconds=seconds)
        raise
