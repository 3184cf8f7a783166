"""A bad network between a client and the site."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

PIECE = 16384
UPGRADE = b"upgrade: websocket"


class Cable:
    """Carries connections to a port, until they are cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.dark = False
        """Whether every connection ends at once."""
        self.no_sockets = False
        """Whether a WebSocket's handshake ends the connection, as with some proxies."""

    @property
    def site(self) -> str:
        """The address of this end."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        """Begin."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Take it away."""
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """End all connections, at any byte."""
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            hang_up(end)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client:
            request = b"" if self.dark else client.recv(PIECE)
            if not request or (self.no_sockets and UPGRADE in request.lower()):
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                server.sendall(request)
                with self._lock:
                    self._open |= {client, server}
                back = threading.Thread(target=pump, args=(server, client), daemon=True)
                back.start()
                pump(client, server)
                back.join()
                with self._lock:
                    self._open -= {client, server}


def pump(source: socket.socket, target: socket.socket) -> None:
    """Carry one direction to its end, then end both."""
    with suppress(OSError):  # cut, which is what a cable is for
        while data := source.recv(PIECE):
            target.sendall(data)
    hang_up(source)
    hang_up(target)


def hang_up(end: socket.socket) -> None:
    """End a connection that another thread may be reading."""
    with suppress(OSError):  # it has ended already
        end.shutdown(socket.SHUT_RDWR)
