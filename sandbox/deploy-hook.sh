#!/bin/sh
# What a site runs on every host with every release. PYTHON names another Python.
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-python}

"$python" manage.py migrate --check --verbosity 0 || {
  echo "deploy-hook: migrations have not been applied, or the database is away" >&2
  exit 1
}

# Old rows of the journal and old results: in small batches, a minute at most. Several hosts may do it at once.
"$python" manage.py celery_ops prune --records --results --keep-failures --max-time 1m --verbosity 0
