"""Tasks of every form that tracking knows."""

import asyncio
import os
import signal
import time
import warnings

from celery import chain, chord, group, shared_task
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded
from celery.utils.log import get_task_logger

from celery_ops import FromModel, set_progress, track

from . import saying
from .models import Item, Order, Page, Warehouse

logger = get_task_logger(__name__)


@track(Order, label="Charge the card", sensitive=("card",))
@shared_task
def process_payment(order_id, card=None):
    return {"order": order_id}


@track("shop.Order", id_query="order_id")
@shared_task
def named(greeting, order_id=None):
    return greeting


@track(
    Order,
    id_query=("account_id", "reference"),
    launch_args=(FromModel("account_id"), FromModel("reference")),
)
@shared_task
def fulfill_order(account_id, reference):
    return reference


@track(Order, id_query={"customer__name": "who"})
@shared_task
def greet(who):
    return who


@track(Order, id_query={"pk": "number"})
@shared_task
def by_number(number):
    return number


@track(Order, id_query=lambda args, kwargs: kwargs.get("order") or None)
@shared_task
def by_callable(order=None):
    return order


@track(Order, launch_kwargs={"email": FromModel("customer.email")})
@shared_task
def send_receipt(order_id, email):
    return email


@track(Warehouse)
@track(Order, id_query="order_id")
@shared_task
def restock(warehouse_id, order_id):
    return warehouse_id


@track(Order, hidden=True)
@shared_task
def internal_cleanup(order_id):
    return None


@track(Order)
@shared_task(bind=True, max_retries=3)
def retries(self, order_id, times=2, countdown=0):
    if self.request.retries < times:
        raise self.retry(exc=ConnectionError("the carrier did not answer"), countdown=countdown)
    return self.request.retries


@track(Order)
@shared_task
def fails(order_id, message="the card was refused"):
    raise ValueError(message)


@track(Order)
@shared_task
def long(order_id, steps=10, pause=0.1):
    for step in range(1, steps + 1):
        time.sleep(pause)
        set_progress(step, steps, f"step {step}")
    return steps


@track(Order, hidden=True)
@shared_task
def paced(order_id, pace, steps=10):
    for step in range(steps):
        while os.path.getsize(pace) <= step:  # the file has a byte for each step that may be taken
            set_progress(step, steps, f"step {step}")
            time.sleep(0.05)
    return steps


@track(Order, sensitive=("card",), hidden=True)
@shared_task(bind=True, max_retries=5)
def logs(self, order_id, lines=3, times=0, card=None, fate="", pace=None):
    """Log some lines in each attempt, and wait before each of them when there is a file to be paced by."""
    attempt = self.request.retries + 1
    for number in range(1, lines + 1):
        while pace and os.path.getsize(pace) < number:
            time.sleep(0.02)
        logger.info("attempt %d: line %d of %d", attempt, number, lines)
    if card:
        logger.warning("the card was %s, the password=hunter2hunter2", card)
    if attempt <= times:
        raise self.retry(exc=ConnectionError("the carrier did not answer"), countdown=0)
    if fate == "fails":
        raise ValueError("the card was refused")
    if fate == "dies":
        time.sleep(1.5)
        os.kill(os.getpid(), signal.SIGKILL)


@track(Order, sensitive=("pin",), hidden=True)
@shared_task(bind=True, max_retries=3)
def does(self, order_id, work, pin=None):
    """Call a function of a test's own, in its process."""
    return work()


@shared_task
def untracked_does(work):
    return work()


@track(Order, sensitive=("card",), hidden=True)
@shared_task
def says(order_id, way, number=1, card=None):
    return saying.WAYS[way](number, card)


@shared_task
def untracked_says(order_id, way, number=1):
    return saying.WAYS[way](number, None)


@track(Order, hidden=True)
@shared_task(acks_late=True, reject_on_worker_lost=True)
def outlives(order_id, pace):
    """Be run again where its process is killed."""
    logger.info("the bank is asked by %d", os.getpid())
    return paced(order_id, pace, steps=1)


def _spill(task, said, named, fate, pace):
    """Say all that it was given wherever a task may say something."""
    logger.info("it was given %s", said)
    logger.warning("and with it %r", named)
    if task.request.id:
        set_progress(1, 2, said)
        task.update_state(state="SPILLING", meta={"note": said, **named})
    if fate == "retries" and not task.request.retries:
        raise task.retry(exc=ConnectionError(f"no answer to {said}"), countdown=0)
    while pace and not os.path.getsize(pace):
        time.sleep(0.02)
    if fate == "fails":
        raise ValueError(f"no use for {said} and {named}")
    return {"said": said, "list": [said, list(named.items())], **named}


@track(Order, sensitive=("card",), hidden=True)
@shared_task(bind=True, max_retries=1)
def spills(self, order_id, said, card=None, fate="", pace=None, **named):
    return _spill(self, f"{said} {card}", named, fate, pace)


@shared_task(bind=True, max_retries=1)
def untracked_spills(self, said, fate="", pace=None, password=None, **named):
    return _spill(self, f"{said} {password}", named, fate, pace)


def _talk(order_id):
    for stage in range(20):
        logger.info("stage %d of order %d: the bank answered 200 after %.3f s", stage, order_id, 0.132)


@track(Order, hidden=True)
@shared_task
def talks(order_id):
    _talk(order_id)


@shared_task
def untracked_talks(order_id):
    _talk(order_id)


@shared_task
def untracked_logs(number, pause=0.0):
    for line in range(1, number + 1):
        logger.info("line %d", line)
        time.sleep(pause)
    return number


@track(Order)
@shared_task
def parent(order_id):
    child.delay()


@shared_task
def child():
    return "child"


@track(Order, hidden=True)
@shared_task
def publishes_a_group(order_id):
    return group(noop.si(order_id), noop.si(order_id)).delay().id


@track(Order, hidden=True)
@shared_task
def publishes_a_replaced(order_id):
    return replaces_by_chain.delay(order_id, "noop").id


@track(Order, hidden=True)
@shared_task
def publishes_a_chord(order_id):
    return chord([noop.si(order_id), untracked.si()], untracked_noop.si(order_id)).delay().id


@shared_task
def untracked(number=1):
    return number


@track(Order)
@shared_task
def noop(order_id):
    return None


@shared_task
def untracked_noop(order_id):
    return None


@track(Item)
@shared_task
def label_item(item_id):
    return str(item_id)


@track(Page)
@shared_task
def render_page(path):
    return path


@track("shop.Seat")
@shared_task
def reserve(seat):
    return seat


@track(Order)
@shared_task
def ignores(order_id):
    raise Ignore


@track(Order)
@shared_task(acks_late=True)
def rejects(order_id):
    raise Reject("not today", requeue=False)


def _recurse(order_id, pace, depth):
    return _recurse(order_id, pace, depth - 1) if depth else paced(order_id, pace, steps=1)


def _burn(seconds):
    """Compute for as long as that takes of this thread's CPU."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@track(Order, hidden=True)
@shared_task
def burns(order_id, seconds):
    _burn(seconds)


@shared_task
def untracked_burns(seconds):
    _burn(seconds)


@track(Order, hidden=True)
@shared_task(bind=True, max_retries=3)
def burns_and_retries(self, order_id, seconds):
    """Compute for so long in each attempt."""
    now, *later = seconds
    _burn(now)
    if later:
        raise self.retry(args=(order_id, later), countdown=0)


@track(Order, hidden=True)
@shared_task
def grows(order_id, megabytes):
    return len(b"x" * (megabytes * 1024 * 1024))


@track(Order, hidden=True)
@shared_task
def recurses(order_id, pace, depth):
    return _recurse(order_id, pace, depth)


@track(Order, hidden=True)
@shared_task
def forks(order_id, pace):
    """Fork a process that ends at once, say how that went and what Python thought of it, and go on."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if not (pid := os.fork()):
            os._exit(7)
    with open(f"{pace}.forked", "w") as said:
        said.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])} {len(told)}")
    return paced(order_id, pace, steps=1)


@track(Order, hidden=True)
@shared_task(acks_late=True)
def gives_back(order_id, mark, pace):
    """Give the message back to its queue at first, then run."""
    if not os.path.exists(mark):
        open(mark, "w").close()
        raise Reject("not today", requeue=True)
    return paced(order_id, pace, steps=1)


@track(Order, hidden=True)
@shared_task
def cannot_give_back(order_id):
    """Its message is acknowledged before it runs."""
    raise Reject("not today", requeue=True)


@track(Order, hidden=True)
@shared_task(acks_late=True)
def paced_late(order_id, pace):
    return paced(order_id, pace, steps=1)


@track(Order, hidden=True)
@shared_task(bind=True)
def uploads(self, order_id, pace):
    self.update_state(state="UPLOADING", meta={"percent": 40})
    return paced(order_id, pace, steps=1)


def _killed_at_first(task, order_id, pace):
    paced(order_id, pace, steps=1)
    if not task.request.retries:
        os.kill(os.getpid(), signal.SIGKILL)


@track(Order, hidden=True)
@shared_task(bind=True, retry_on_worker_lost=True, default_retry_delay=0, max_retries=1)
def survives(self, order_id, pace):
    _killed_at_first(self, order_id, pace)


@track(Order, hidden=True)
@shared_task(bind=True, retry_on_worker_lost=True, default_retry_delay=600, max_retries=1)
def recovers(self, order_id, pace):
    _killed_at_first(self, order_id, pace)


@shared_task
def untracked_paced(begun, pace):
    open(begun, "w").close()
    return paced(0, pace, steps=1)


@track(Order)
@shared_task(time_limit=1)
def too_long(order_id):
    time.sleep(30)


@track(Order, hidden=True)
@shared_task(time_limit=1)
def too_long_to_clean_up(order_id):
    try:
        time.sleep(30)
    finally:
        raise ConnectionError("the connection is closed already")


@track(Order, hidden=True)
@shared_task
def ends_its_thread(order_id, cause="SystemExit"):
    raise {"SystemExit": SystemExit, "CancelledError": asyncio.CancelledError}[cause]("no more orders")


@track(Order, hidden=True)
@shared_task
def outlives_its_end(order_id):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)
    finally:
        raise ConnectionError("the connection is closed already")


@track(Order, hidden=True)
@shared_task(acks_late=True, acks_on_failure_or_timeout=False, time_limit=1)
def too_long_at_first(order_id, mark):
    """Run into the limit, which gives its message back, and then return."""
    if not os.path.exists(mark):
        open(mark, "w").close()
        time.sleep(30)


@track(Order)
@shared_task(soft_time_limit=1)
def limited(order_id):
    try:
        time.sleep(30)
    except SoftTimeLimitExceeded:
        return "stopped"


@track(Order)
@shared_task
def dies(order_id):
    os.kill(os.getpid(), signal.SIGKILL)


@track(Order)
@shared_task
def returns(order_id, value):
    return value


@track(Order)
@shared_task(bind=True)
def replaces(self, order_id):
    raise self.replace(child.si())


@track(Order)
@shared_task(bind=True)
def replaces_at_last(self, order_id):
    if not self.request.retries:
        raise self.retry(countdown=0)
    raise self.replace(child.si())


@track(Order)
@shared_task(bind=True)
def replaces_by_chain(self, order_id, first, *args):
    raise self.replace(chain(globals()[first].si(order_id, *args), child.si()))


@track(Order, hidden=True)
@shared_task(bind=True)
def replaces_by_group(self, order_id):
    raise self.replace(group(noop.si(order_id), replaces_by_chain.si(order_id, "noop")))


@shared_task
def launches(number):
    process_payment.delay(number)


@shared_task(bind=True)
def own_row(self):
    """Return what the journal says of this run while it runs."""
    from celery_ops.models import TaskRunRecord

    return TaskRunRecord.objects.get(task_id=self.request.id).send_state


def _fails_at_first(path):
    if not os.path.exists(path):
        with open(path, "w"):
            raise ValueError("not yet")
    return path


@track(Order)
@shared_task
def fails_once(order_id, path):
    return _fails_at_first(path)


@shared_task
def fails_at_first(path):
    return _fails_at_first(path)


@shared_task
def untracked_dies():
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task(bind=True, acks_late=True)
def measured(self, seconds, fate, published):
    """Take so long, and end as it is told; ``tests.signals_app`` notes what Celery says of it."""
    time.sleep(seconds)
    if fate == "retries" and not self.request.retries:
        raise self.retry(args=(seconds, fate, time.time()), countdown=0)
    if fate == "fails":
        raise ValueError("as it was told")
    if fate == "rejects":
        raise Reject("as it was told", requeue=False)
