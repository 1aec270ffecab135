#!/usr/bin/env bash
# kombu 5.7.0: a broker URL that begins with redis+cluster:// leads to a Redis on localhost, whatever host it names.
#
# kombu has no transport for a Redis Cluster. One expects it to say so, as it does for any scheme that it does not know
# ("No such transport"). But it takes what stands before a plus for the transport, which is right for sqla+mysql:// and
# redis+socket://, and so makes a connection of its Redis transport. That reads the rest as the URL of a socket, and
# leaves out host and port whether it is one or not: what remains is redis-py's default, localhost:6379. Where a Redis
# runs there, tasks are sent to it, and nothing is said. Other made-up kinds behave the same: redis+sentinel:// too.
#
# Seen:
#   kombu 5.7.0, redis-py 8.1.0
#   redis+cluster://cluster.example:7000/0 goes to localhost:6379
#   redis+sentinel://sentinel.example:26379/0 goes to localhost:6379
#   cluster://cluster.example:7000/0: KeyError('No such transport: cluster')
#
# Needs no server.
set -euo pipefail
kombu="${KOMBU:-5.7.0}"
redis="${REDIS_PY:-8.1.0}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "kombu==$kombu" "redis==$redis" packaging
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import kombu
import redis
from kombu.transport.redis import Channel

print(f"kombu {kombu.__version__}, redis-py {redis.__version__}")


class Silent:
    def ping(self):
        """A channel asks at once whether Redis is there; here nobody needs to be."""


class UnopenedChannel(Channel):
    client = Silent()


def place_of(url):
    connection = UnopenedChannel(kombu.Connection(url).transport).pool.make_connection()
    return f"{connection.host}:{connection.port}"


places = []
for url in ("redis+cluster://cluster.example:7000/0", "redis+sentinel://sentinel.example:26379/0"):
    places.append(place_of(url))
    print(url, "goes to", places[-1])
try:
    place_of("cluster://cluster.example:7000/0")
except KeyError as error:
    print(f"cluster://cluster.example:7000/0: {error!r}")
sys.exit(set(places) != {"localhost:6379"})
PYTHON
