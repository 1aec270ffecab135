#!/usr/bin/env bash
# redis-py 8.1.0: a connection of a Sentinel pool that is sent a command before it is connected goes to localhost:6379.
#
# SentinelConnectionPool.make_connection() returns a connection that is not open yet, as every pool does. One expects
# that the first command opens it where the sentinels say the master is: connect() does just that. But send_command()
# opens a closed connection by connect_check_health(), which SentinelManagedConnection does not override, so it connects
# to the host and port that a connection has by default, and asks no sentinel at all. Here no sentinel even exists; a
# plain connection of the same kind says that it is refused. Who sends on such connections has to call connect() first.
#
# Seen:
#   redis-py 8.1.0
#   connect() asks the sentinels: MasterNotFoundError
#   a command goes to localhost:6379
#
# Needs no server.
set -euo pipefail
redis="${REDIS_PY:-8.1.0}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "redis==$redis"
"$folder/venv/bin/python" - <<'PYTHON'
import socket
import sys

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

print("redis-py", redis.__version__)

with socket.socket() as unused:  # a port on which nobody listens
    unused.bind(("127.0.0.1", 0))
    nobody = unused.getsockname()
once = {"socket_timeout": 1, "retry": Retry(NoBackoff(), 0)}
pool = Sentinel([nobody], sentinel_kwargs=once, **once).master_for("main", redis.Redis).connection_pool

try:
    pool.make_connection().connect()
    print("connect() found a master")
except redis.ConnectionError as error:
    print("connect() asks the sentinels:", type(error).__name__)

connection = pool.make_connection()
try:
    connection.send_command("PING")
except redis.ConnectionError:
    pass  # whether somebody listens there does not matter
went_to = (connection.host, connection.port)
print("a command goes to %s:%s" % went_to)
sys.exit(went_to != ("localhost", 6379))
PYTHON
