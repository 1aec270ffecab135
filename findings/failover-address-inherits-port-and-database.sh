#!/usr/bin/env bash
# kombu 5.7.0: an address of a failover list that names no port or database gets those of the address before it.
#
# "redis://one:6380/3;redis://two" reads as two whole URLs: the second names neither, so one expects what that URL means
# alone, port 6379 and database 0. When kombu goes over to it, it keeps the port and the database of the first
# (Connection._init_params: `port or self.port`, `virtual_host or self.virtual_host`), though user and password are
# taken from the second. Alone, the same URL leads elsewhere. So each address of a list should name all of it.
#
# Seen:
#   kombu 5.7.0
#   alone: two port 6379 database 0
#   in the list: two port 6380 database 3
#
# Needs no server.
set -euo pipefail
kombu="${KOMBU:-5.7.0}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "kombu[redis]==$kombu"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import kombu


def place(connection):
    port = connection.port or connection.get_transport_cls().default_port
    return connection.hostname, port, str(connection.virtual_host or "0").lstrip("/") or "0"


print("kombu", kombu.__version__)
alone = place(kombu.Connection("redis://two"))
listed = kombu.Connection("redis://one:6380/3;redis://two")
listed.maybe_switch_next()
inherited = place(listed)
print("alone: %s port %s database %s" % alone)
print("in the list: %s port %s database %s" % inherited)
sys.exit(inherited != ("two", 6380, "3"))
PYTHON
