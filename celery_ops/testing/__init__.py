"""What every backend does, as suites for your own: inherit one, say how it is filled, and run pytest.

.. code-block:: python

    class TestMyTaskBackend(TaskBackendContract):
        def make_backend(self, tasks):
            service = FakeService()
            for task in tasks:  # oldest first
                service.add(id=task.id, name=task.name, state=task.state, created=task.created_at)
            return MyTaskBackend()

``make_backend`` is called once in each test, with an empty source, and plants what it is given: as much of it as the
source can hold. What it can never hold the backend denies with a ``supports_…`` of False, and the suite asks no more
of it. Class attributes say the rest, such as the ``states`` that the source knows. The suites are plain classes with
plain asserts: they need no pytest to import, take fixtures of your subclass (``@pytest.mark.django_db`` on the class,
an autouse fixture in it), and mix with ``unittest.TestCase`` as well.
``pytest.register_assert_rewrite("celery_ops.testing")`` in your ``conftest.py`` makes a failure show its values.
"""

from .queues import QueueBackendContract
from .schedules import ScheduleSourceContract
from .tasks import TaskBackendContract
from .workers import WorkerBackendContract

__all__ = ["QueueBackendContract", "ScheduleSourceContract", "TaskBackendContract", "WorkerBackendContract"]
