"""What a run's message will be, worked out as Celery would and with nothing published."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery.app.task import Task
from celery.utils import uuid
from celery.utils.quorum_queues import detect_quorum_queues
from celery.utils.time import maybe_make_aware
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from kombu import compression, serialization
from kombu.transport.native_delayed_delivery import calculate_routing_key

from .. import redaction, timezones
from ..conf import conf
from ..exceptions import BadInput
from ..tracking import capture
from ..tracking.registry import registry
from .run import Run

#: Where RabbitMQ keeps what is put off, when its queues are quorum queues.
DELAYED = "celery_delayed_27"


@dataclass(frozen=True, slots=True)
class MessagePreview:
    """The message of a run. ``body`` is what the broker would carry, ``arguments`` what a page may show of it.

    ``eta`` and ``expires`` are aware datetimes, the limits seconds; None is none. ``is_eager`` says that this site runs
    its tasks where they are called, so that no message is made at all.
    """

    queue: str
    exchange: str
    exchange_type: str
    routing_key: str
    serializer: str
    content_type: str
    compression: str
    body: bytes
    arguments: str
    eta: datetime | None = None
    expires: datetime | None = None
    priority: int | None = None
    time_limit: float | None = None
    soft_time_limit: float | None = None
    is_eager: bool = False

    @property
    def size(self) -> int:
        return len(self.body)


def preview(run: Run) -> MessagePreview:
    """Return the message that sending ``run`` would publish.

    A task that overrides ``apply_async`` may send another. Raises BadInput when Celery would refuse to send it: the
    task does not take the arguments, they cannot be encoded, or there is no such queue.
    """
    try:
        return _previewed(run)
    except Exception as error:  # a task's signature, the site's routers and serializers: anything may be raised
        hidden = capture.secrets(run.name, run.args, run.kwargs)
        reason = redaction.capture_text(f"{type(error).__name__}: {error}", secrets=hidden).text
        raise BadInput(_("Celery would not send this. %(reason)s") % {"reason": reason}) from error


def _previewed(run: Run) -> MessagePreview:
    app = conf.celery_app
    args, kwargs = list(run.args), dict(run.kwargs)
    options = {**_own_options(run.task), **run.options.given()}
    if run.task is not None:
        args, kwargs = _prepared(run.task, args, kwargs, options)
    limits = options.pop("time_limit", None), options.pop("soft_time_limit", None)
    expires, eta, countdown = (options.pop(name, None) for name in ("expires", "eta", "countdown"))
    options = app.amqp.router.route(options, run.name, args, kwargs, run.task)
    place = _place(app, options, _seconds(eta, countdown))
    message = app.amqp.create_task_message(
        uuid(), run.name, args, kwargs, countdown, eta, expires=expires, time_limit=limits[0], soft_time_limit=limits[1]
    )
    serializer = options.get("serializer") or app.conf.task_serializer
    compressor = options.get("compression") or app.conf.task_compression or ""
    content_type, _encoding, body = serialization.dumps(message.body, serializer)
    body = body.encode() if isinstance(body, str) else body
    headers = message.headers or message.body  # protocol 1 has no headers
    return MessagePreview(
        **place,
        serializer=serializer,
        content_type=content_type,
        compression=compressor,
        body=compression.compress(body, compressor)[0] if compressor else body,
        arguments=redaction.capture_arguments(
            run.args, run.kwargs, parameters=capture.parameters(run.name), sensitive=registry.sensitive(run.name)
        ).text,
        eta=_moment(headers.get("eta")),
        expires=_moment(headers.get("expires")),
        priority=options.get("priority", app.conf.task_default_priority),
        time_limit=limits[0],
        soft_time_limit=limits[1],
        is_eager=bool(app.conf.task_always_eager),
    )


def _own_options(task: Task | None) -> dict[str, Any]:
    return {} if task is None else dict(task._get_exec_options())


def _prepared(task: Task, args: list[Any], kwargs: dict[str, Any], options: Mapping[str, Any]) -> tuple[Any, Any]:
    """Check the arguments as ``apply_async`` does, and turn pydantic's models into what is sent of them."""
    check = getattr(task, "__header__", None)
    if task.typing and check is not None:
        check(*args, **kwargs)
    dump = getattr(task, "_dump_pydantic_arguments", None)  # since Celery 5.7
    return (args, kwargs) if dump is None or options.get("serializer") == "pickle" else dump(args, kwargs)


def _place(app: Any, options: Mapping[str, Any], delay: float) -> dict[str, str]:
    """Return where the message goes, as ``send_task_message`` decides it."""
    places: list[Any] = [options.get(name) for name in ("queue", "exchange", "routing_key")]
    queue, exchange, routing_key = places
    if queue is None and exchange is None:
        queue = app.amqp.default_queue
    kind = getattr(getattr(queue, "exchange", None), "type", None) or options.get("exchange_type") or "direct"
    if delay > 0 and kind != "direct" and _is_put_off_by_the_broker(app):
        key = queue.routing_key if queue else routing_key
        exchange, routing_key, kind = DELAYED, calculate_routing_key(int(delay), key), "topic"
    elif (not exchange or not routing_key) and kind == "direct":
        exchange, routing_key = "", queue.name
    elif exchange is None:
        exchange = queue.exchange.name or app.amqp.default_exchange.name
        routing_key = routing_key or queue.routing_key or app.conf.task_default_routing_key
    return {
        "queue": queue.name if queue else "",
        "exchange": getattr(exchange, "name", exchange) or "",
        "exchange_type": kind,
        "routing_key": routing_key or "",
    }


def _is_put_off_by_the_broker(app: Any) -> bool:
    driver = app.connection_for_write().get_transport_cls().driver_type
    return detect_quorum_queues(app, driver)[0]


def _seconds(eta: datetime | None, countdown: float | None) -> float:
    return (eta - timezones.now()) / timedelta(seconds=1) if eta else countdown or 0


def _moment(text: str | None) -> datetime | None:
    moment = parse_datetime(text) if text else None
    return maybe_make_aware(moment) if moment else None
