"""Messages over a socket: a length, then the bytes; with a deadline, and open sockets handed along."""

from __future__ import annotations

import socket
import struct
import time

_HEAD = struct.Struct("<Q")
_LARGEST = 257 * 2**20  # a little more than the largest value of the codec
_SEND_AT_MOST = 1 << 20


class ClosedError(Exception):
    """The other side is gone, or sent something that is no message."""


class LateError(Exception):
    """The deadline has passed."""


class Channel:
    """One end of a connection between two processes."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def send(self, message: bytes, deadline: float | None = None, descriptors: tuple[int, ...] = ()) -> None:
        """Send one message, with copies of open files if there are any.

        Raises
        ------
        ClosedError, LateError
            If the other side is gone, or does not read until the deadline (a time of `time.monotonic`).
        """
        head = _HEAD.pack(len(message))
        try:
            self._wait_until(deadline)
            if descriptors:
                socket.send_fds(self.connection, [head], descriptors)
            else:
                self.connection.sendall(head)
            view = memoryview(message)
            while view:
                self._wait_until(deadline)
                view = view[self.connection.send(view[:_SEND_AT_MOST]) :]
        except TimeoutError:
            raise LateError from None
        except OSError as error:
            raise ClosedError(str(error)) from None

    def receive(self, deadline: float | None = None) -> bytearray:
        """Receive one message; raises as `send` does."""
        return self._read(self._size(bytes(self._read(_HEAD.size, deadline))), deadline)

    def receive_with_descriptors(self) -> tuple[bytearray, list[int]]:
        """Receive one message and the open files that came with it."""
        try:
            head, descriptors, _, _ = socket.recv_fds(self.connection, _HEAD.size, 4)
        except OSError as error:
            raise ClosedError(str(error)) from None
        if len(head) != _HEAD.size:
            raise ClosedError("the other side has closed the connection")
        return self._read(self._size(head), None), descriptors

    def close(self) -> None:
        """Close this end."""
        self.connection.close()

    def _size(self, head: bytes) -> int:
        size: int = _HEAD.unpack(head)[0]
        if size > _LARGEST:
            raise ClosedError("a message that is too large")
        return size

    def _read(self, size: int, deadline: float | None) -> bytearray:
        # grow with what arrives: a false length must not make us allocate
        message = bytearray()
        try:
            while len(message) < size:
                self._wait_until(deadline)
                part = self.connection.recv(min(size - len(message), _SEND_AT_MOST))
                if not part:
                    raise ClosedError("the other side has closed the connection")
                message += part
        except TimeoutError:
            raise LateError from None
        except OSError as error:
            raise ClosedError(str(error)) from None
        return message

    def _wait_until(self, deadline: float | None) -> None:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError
        self.connection.settimeout(left)
