"""Uploads that go on where they broke off: tus 1.0, and the draft of the IETF.

Theory of operation
    An upload is an area of the set's storage: a note of what was announced, and *pieces*, each an
    object whose key is the offset it begins at. An object is published whole and never overwritten
    (:class:`~cruse_uploads.storage.Storage` promises it, wherever the objects are), and from that
    all else follows:

    - The offset is the end of the last piece, so a client is told of no byte that is not kept. A
      killed process costs the piece it was writing, at most :data:`~appending.PIECE` bytes.
    - Of two requests that append at the same offset one publishes, the other is told 409. No bytes
      of two requests can be interleaved, whether they run in one process, in several or on several
      machines, and no lock can be left behind.
    - Nothing is known to a process alone, so any worker answers any request.

    When all has come, the pieces are read in order through the rules of the set into its storage,
    as any file is. That writes the bytes a second time: object stores offer no other way, and a
    hash and a scan have to read them anyway.
"""

from cruse_uploads.resumable.uploads import ResumableUpload

__all__ = ["ResumableUpload"]
