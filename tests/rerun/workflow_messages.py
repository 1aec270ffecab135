"""Workflows published for the tests of running them again: what was handed to the broker, and how they ended."""

import json

from celery.signals import after_task_publish

from celery_ops.tracking import facts, workflows
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.stamp import PUBLISHED, WORKFLOW, now_ms

#: What Celery gives anew, or says of a moment.
ANEW = {"task_id", "group_id", "root_id", "parent_id", "reply_to"}


class Messages:
    """What is published inside, in order."""

    def __enter__(self):
        self.all = []
        after_task_publish.connect(self.note)
        return self

    def __exit__(self, *_):
        after_task_publish.disconnect(self.note)

    def note(self, sender=None, headers=None, body=None, routing_key=None, **_):
        until = now_ms()
        while now_ms() == until:  # published in a millisecond of its own: they are put in order by that
            pass
        self.all.append((sender, dict(headers), json.loads(json.dumps(body, default=str)), routing_key))

    @property
    def ids(self):
        return [headers["id"] for _sender, headers, _body, _key in self.all]

    @property
    def key(self):
        """The workflow of these."""
        return self.all[0][1].get(WORKFLOW)

    @property
    def shape(self):
        """What they say, but for ids."""
        return [(sender, *bare(body[:2]), bare(_embed(body[2]))) for sender, _headers, body, _key in self.all]

    def end(self, state="FAILURE"):
        """Let the workflow know how each of them ended."""
        ended = {}
        for _sender, headers, _body, _key in self.all:
            life = facts.life_tag(headers[PUBLISHED])
            ended[facts.field(headers["id"], facts.ENDED[state], 0, life)] = "1000"
        recorder().record([(workflows.place(self.key), ended)])
        recorder().flush()


def _embed(embed):
    return {name: value for name, value in embed.items() if value}


def bare(value):
    """A part of a message without what Celery gives anew, and without options that say nothing.

    A chain is the same whether it is a step of its own or an option of its first step, and none when empty.
    """
    if isinstance(value, dict) and value.get("options", {}).get("chain"):
        options = {**value["options"]}
        steps = [{**value, "options": options}, *reversed(options.pop("chain"))]
        chained = {"task": "celery.chain", "args": [], "kwargs": {"tasks": bare(steps)}}
        return {**chained, "subtask_type": "chain", "immutable": False}
    if isinstance(value, dict):
        return {
            name: bare(item)
            for name, item in value.items()
            if name not in ANEW and not (name == "options" and not bare(item)) and not (name == "chain" and item == [])
        }
    return [bare(item) for item in value] if isinstance(value, list) else value


def sent(canvas, state="FAILURE"):
    """Send a canvas, let it end, and return its messages."""
    with Messages() as messages:
        canvas.apply_async()
    messages.end(state)
    return messages
