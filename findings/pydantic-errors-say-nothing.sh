#!/usr/bin/env bash
# celery 5.7.0, pydantic 2.12.5, result backend in memory.
# A task declared with pydantic=True fails when its arguments do not validate, and pydantic says at length why.
# One would expect the stored result of that failure to have pydantic's words.
# What happens: results keep an exception's class and `args`, and a ValidationError of pydantic 2 has no args. The stored
# message is empty, and reading the result back gives an exception without a word. Only the traceback has the reason.
# Seen: celery 5.7.0, pydantic 2.12.5 / exc_type='ValidationError' exc_message=() / the traceback has the reason: True
set -euo pipefail
CELERY=${CELERY:-5.7.0} PYDANTIC=${PYDANTIC:-2.12.5}
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery==$CELERY" "pydantic==$PYDANTIC"
"$folder/env/bin/python" - <<'PY'
import sys

import celery
import pydantic

app = celery.Celery("shop", broker="memory://", backend="cache+memory://")
app.conf.update(task_always_eager=True, task_store_eager_result=True, result_extended=True)


class Order(pydantic.BaseModel):
    number: int


@app.task(name="shop.pack", pydantic=True)
def pack(order: Order):
    return order.number


result = pack.delay({"number": "seven"})
stored = app.backend.encode_result(result.result, "FAILURE")
said = "valid integer" in result.traceback
print(
    f"celery {celery.__version__}, pydantic {pydantic.__version__} / exc_type={stored['exc_type']!r} "
    f"exc_message={tuple(stored['exc_message'])!r} / the traceback has the reason: {said}"
)
sys.exit((stored["exc_type"], tuple(stored["exc_message"]), said) != ("ValidationError", (), True))
PY
