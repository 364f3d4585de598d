"""Objects in the other colour."""


class AsyncMethods:
    """An object with the methods of another one, all of them async."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        method = getattr(self.inner, name)

        async def called(*args):
            return method(*args)

        return called
