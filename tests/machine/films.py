"""Large files to send."""

import hashlib
import random

MB = 1_000_000


def make_film(path, size):
    """Write a file of so many random bytes; return its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, size, MB):
            data = random.randbytes(min(MB, size - start))  # noqa: S311
            digest.update(data)
            file.write(data)
    return digest.hexdigest()
