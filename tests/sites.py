"""What the sites share that files are sent to in pieces or directly, on every kind of storage."""

from importlib.metadata import distributions

from cruse_uploads import LocalStorage, MemoryStorage


def _object_storage(folder):
    from obstore.store import MemoryStore

    from cruse_uploads.storage.objects import ObjectStorage

    return ObjectStorage(MemoryStore())


#: What makes a storage in a folder, by its kind; object stores where obstore is installed.
STORAGES = {
    "local": lambda folder: LocalStorage(folder, fsync=False),
    "memory": lambda folder: MemoryStorage(),
}
if "obstore" in {dist.name.lower() for dist in distributions()}:
    STORAGES["objects"] = _object_storage


class SiteOfFiles:
    """A site's ``app`` and ``storage``, and what it was told of finished uploads."""

    def __init__(self, storage):
        self.storage, self.finished = storage, []
        self.fail = None

    def on_finished(self, stored, upload):
        if self.fail is not None:
            raise self.fail
        self.finished.append((stored, upload))
        return {"X-Key": stored.key}

    def left(self):
        """The keys of what is kept of uploads, and of files."""
        return self.storage.keys()

    def content(self, stored):
        with self.app.app_context(), stored.open() as file:
            return file.read()
