"""A line to a server that breaks, again and again."""

import socket
import threading
from contextlib import suppress


class Line:
    """A line to a server, which breaks after some bytes, again and again.

    Args:
        target: The port of the server.
        cuts: How many bytes each connection carries before it breaks; the later ones do not.
    """

    def __init__(self, target, cuts):
        self.target = target
        self.cuts = list(cuts)
        self.before_cut = lambda left: None
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with suppress(OSError):  # closed at the end
            while True:
                client, _ = self.listening.accept()
                threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        with client, suppress(OSError), self.connected() as server:
            threading.Thread(target=self.carry_back, args=(server, client), daemon=True).start()
            with suppress(OSError):
                self.carry_on(client, server)
            for end in (client, server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)  # closing alone does not wake carry_back

    def carry_on(self, client, server):
        carried = 0
        while data := client.recv(65536):
            carried += len(data)
            if self.cuts and carried > self.cuts[0]:
                self.cuts.pop(0)
                self.before_cut(len(self.cuts))
                break
            server.sendall(data)

    def connected(self):
        return socket.create_connection(("127.0.0.1", self.target))

    @staticmethod
    def carry_back(server, client):
        with suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
