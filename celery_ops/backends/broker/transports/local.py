"""kombu's transports without a server: the memory of this process, and files."""

from collections.abc import Mapping
from typing import Any

from kombu.exceptions import ChannelError

from .... import connections
from ..declarations import Declaration
from .base import QueueReading, Transport


class LocalTransport(Transport):
    """Counted by kombu itself, which is exact where messages lie where this process can see them."""

    def read(self, declared: Mapping[str, Declaration], only: str | None, until: float) -> Mapping[str, QueueReading]:
        names = declared if only is None else declared.keys() & {only}
        with connections.opened() as connection:
            channel = connection.channel()
            return {name: self.reading(channel, name) for name in names}

    def reading(self, channel: Any, name: str) -> QueueReading:
        try:
            return QueueReading(is_there=True, depth=channel.queue_declare(name, passive=True).message_count)
        except ChannelError:  # nobody has declared it
            return QueueReading()


class FilesystemTransport(LocalTransport):
    """Where this process writes messages into another folder than it reads from, it does not see what waits."""

    def reading(self, channel: Any, name: str) -> QueueReading:
        if channel.data_folder_in != channel.data_folder_out:
            return QueueReading()
        return super().reading(channel, name)
