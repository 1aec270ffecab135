"""The shapes of what the JSON addresses answer and take, in the words of JSON Schema."""

from typing import Any, Final

from .. import states
from ..metrics.cells import SERIES
from ..metrics.windows import WINDOWS

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
NUMBER: Final[Schema] = {"type": "integer"}
MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
SECONDS: Final[Schema] = {"type": ["number", "null"], "description": "Seconds."}
A_MINUTE: Final[Schema] = {"type": ["number", "null"], "description": "Tasks a minute."}
ANY: Final[Schema] = {}


def or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def listed(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def thing(properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an object that has all these properties but the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def named(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


#: What shows only to those with ``view_payload``.
PAYLOAD: Final = ("args", "kwargs", "result", "traceback")

TIMES: Final = {"created_at": or_null(MOMENT), "started_at": or_null(MOMENT), "finished_at": or_null(MOMENT)}

COST: Final = {
    "cpu_seconds": {**SECONDS, "description": "CPU of the newest attempt; null where it cannot be told."},
    "peak_memory": {**or_null(NUMBER), "description": "Bytes by which its process's peak of memory grew meanwhile."},
}

REVOKE: Final = {
    "revoke_requested_at": or_null(MOMENT),
    "revoke": {"type": ["string", "null"], "enum": ["requested", "confirmed", "too late", None]},
}

STARTED_BY: Final[Schema] = {
    **or_null(thing({"pk": TEXT, "username": TEXT, "url_name": or_null(TEXT)})),
    "description": "Whose request started it, on sites that note it, for viewers who may know.",
}

#: What was counted of a queue, where anything was.
FLOW: Final = {
    **dict.fromkeys(("arrival_rate", "drain_rate"), A_MINUTE),
    **dict.fromkeys(("clears_in", "growing_for", "longest_wait"), SECONDS),
}

SCHEMAS: Final[dict[str, Schema]] = {
    "Errors": thing({"errors": {"type": "object", "additionalProperties": listed(TEXT)}}),
    "Task": thing(
        {
            "task_id": TEXT,
            "name": or_null(TEXT),
            "state": {**TEXT, "examples": list(states.ALL)},
            "worker": or_null(TEXT),
            **TIMES,
            **COST,
            **REVOKE,
            "started_by": STARTED_BY,
            "error": {**or_null(TEXT), "description": "Without view_payload the class alone."},
            "args": ANY,
            "kwargs": ANY,
            "result": ANY,
            "traceback": or_null(TEXT),
        },
        optional=(*PAYLOAD, *COST, *REVOKE, "started_by"),
    ),
    "Worker": thing(
        {
            "hostname": TEXT,
            "state": {**TEXT, "enum": ["online", "no_reply", "ended", "gone"]},
            "last_seen": or_null(MOMENT),
            "pool": or_null(TEXT),
            **{name: or_null(NUMBER) for name in ("concurrency", "active", "reserved", "scheduled", "processed")},
            "queues": {"type": ["array", "null"], "items": TEXT},
        }
    ),
    "Queue": thing(
        {
            "name": TEXT,
            "depth": or_null(NUMBER),
            "unacked": or_null(NUMBER),
            "consumers": or_null(NUMBER),
            "oldest_age": SECONDS,
            "paused": {"type": ["boolean", "null"]},
            **FLOW,
        },
        optional=tuple(FLOW),
    ),
    "Percentiles": thing(dict.fromkeys(("p50", "p95", "p99"), SECONDS)),
    "Insight": thing(
        {
            "window": {**TEXT, "enum": list(WINDOWS)},
            "step": {**NUMBER, "description": "Seconds between two points."},
            "start": {**NUMBER, "description": "Seconds since the epoch: the first step begins then."},
            "end": {**NUMBER, "description": "Seconds since the epoch: the last step, still under way, ends then."},
            "series": listed(thing({"state": {**TEXT, "enum": list(SERIES)}, "points": listed(NUMBER)})),
            "wait": named("Percentiles"),
            "run": named("Percentiles"),
        }
    ),
    "TaskStack": thing(
        {
            "hostname": TEXT,
            "pid": NUMBER,
            "stack": {**listed(TEXT), "description": "As in a traceback: the outermost call first."},
        }
    ),
    "TaskType": thing(
        {
            "name": TEXT,
            "runs": {**NUMBER, "description": "Successes and failures."},
            "failures": NUMBER,
            "failure_rate": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            **dict.fromkeys(("wait_p50", "wait_p95", "run_p50", "run_p95", "run_total"), SECONDS),
            "last_failure_at": or_null(MOMENT),
            "cpu_total": {**SECONDS, "description": "CPU of all attempts; null where it cannot be told."},
            "peak_memory": {**or_null(NUMBER), "description": "The greatest growth over an attempt, in bytes."},
        },
        optional=("cpu_total", "peak_memory"),
    ),
    "FailureGroup": thing(
        {
            "key": TEXT,
            "exception": {**TEXT, "description": "The class, with its module."},
            "message": {
                **or_null(TEXT),
                "description": "Without what differs from task to task; null for who may not see payload.",
            },
            "frame": {**or_null(TEXT), "description": "The innermost function of the site's own code."},
            "count": {**NUMBER, "description": "In the window."},
            "first_seen": or_null(MOMENT),
            "last_seen": or_null(MOMENT),
            "state": {**TEXT, "enum": ["open", "resolved", "regressed"]},
            "tasks": {"type": "array", "items": TEXT},
            "objects": {**or_null(NUMBER), "description": "How many different ones."},
            "sample_task_id": or_null(TEXT),
        }
    ),
    "Schedule": thing(
        {
            "name": TEXT,
            "task": TEXT,
            "source": {**TEXT, "enum": ["settings", "database", "redbeat"]},
            "schedule": {**TEXT, "description": "In plain words, else as Celery prints it."},
            "enabled": {"type": "boolean"},
            **dict.fromkeys(("next_due", "last_due", "last_sent"), or_null(MOMENT)),
            "last_task_id": or_null(TEXT),
            "last_state": or_null(TEXT),
            "late": {**SECONDS, "description": "Seconds; null when it is not late."},
            "overdue": {"type": "boolean"},
            "problem": {**or_null(TEXT), "description": "The worst one, in a sentence."},
        }
    ),
    "WorkflowTask": thing(
        {
            "task_id": {**or_null(TEXT), "description": "Null of what is to be called back and has no id yet."},
            "name": or_null(TEXT),
            "state": {**or_null(TEXT), "description": "PENDING of a step that is to come."},
            "parent_id": {**or_null(TEXT), "description": "The task that published it."},
            "group_id": or_null(TEXT),
            "published": {"type": "boolean", "description": "False of a step that is to come, or never will."},
        }
    ),
    "Workflow": thing(
        {
            "tasks": listed(named("WorkflowTask")),
            "edges": listed({**listed(TEXT), "description": "The id of a task, and of one that comes after it."}),
            "done": NUMBER,
            "failed": NUMBER,
            "total": NUMBER,
            "is_partial": {"type": "boolean", "description": "There are more tasks than are kept."},
        }
    ),
    "Parameter": thing({"name": TEXT, "type": TEXT, "required": {"type": "boolean"}, "default": ANY}),
    "RunnableTask": thing(
        {
            "name": TEXT,
            "runnable": {"type": "boolean", "description": "Whether this viewer may run it."},
            "parameters": listed(named("Parameter")),
        }
    ),
    "RunnableTasks": thing({"tasks": listed(named("RunnableTask")), "total_count": NUMBER}),
    "RunRequest": {
        **thing(
            {
                "task": TEXT,
                "args": {"type": "array"},
                "kwargs": {"type": "object"},
                "countdown": {"type": "number", "minimum": 0, "description": "Seconds."},
                "eta": MOMENT,
                "expires": {"type": ["number", "string"], "description": "Seconds, or a time."},
                "priority": {"type": "integer", "minimum": 0, "maximum": 255},
                "queue": TEXT,
            },
            optional=("args", "kwargs", "countdown", "eta", "expires", "priority", "queue"),
        ),
        "additionalProperties": False,
    },
    "TaskLog": thing(
        {
            "lines": listed(
                thing(
                    {
                        "n": NUMBER,
                        "at": or_null(MOMENT),
                        "level": TEXT,
                        "logger": TEXT,
                        "message": TEXT,
                        "attempt": NUMBER,
                    }
                )
            ),
            "next": NUMBER,
            "dropped": NUMBER,
        }
    ),
    "SentRun": thing({"task_id": TEXT, "record": NUMBER, "url": {**TEXT, "format": "uri-reference"}}),
    "OtherRun": thing(
        {
            "task_id": {**TEXT, "description": "Of the task that is there already."},
            "record": NUMBER,
            "url": {**TEXT, "format": "uri-reference"},
            "sent": {"type": "boolean", "const": False},
            "message": TEXT,
        },
        optional=("record", "url"),
    ),
    "Run": thing(
        {
            "task_id": TEXT,
            "task_name": or_null(TEXT),
            "state": TEXT,
            "worker": or_null(TEXT),
            **TIMES,
            **COST,
            "attempts": or_null(NUMBER),
            "progress": {
                "type": ["object", "null"],
                "properties": {"current": {"type": "number"}, "total": {"type": "number"}, "message": TEXT},
            },
            **REVOKE,
            "started_by": STARTED_BY,
            "error": or_null(TEXT),
            "record": or_null(NUMBER),
            "send_state": {"type": ["string", "null"], "enum": ["REQUESTED", "SENT", "FAILED", None]},
            "args": ANY,
            "kwargs": ANY,
            "result": ANY,
            "traceback": or_null(TEXT),
        },
        optional=(*PAYLOAD, *COST, "started_by"),
    ),
}


def page_of(name: str) -> Schema:
    """Return the schema of one page of a list."""
    return thing({"results": listed(named(name)), "next": or_null(TEXT)})
