"""Which tasks belong to which model: those of ``track`` and of the ``TRACKED_TASKS`` setting."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from celery.app.task import Task
from celery.local import Proxy
from django.db.models import Model

from ..conf import conf
from ..logs import get_logger
from .django_tasks import celery_names, is_django_task, listen
from .signatures import Signature, signature_of
from .task_bindings import TaskBinding, make_binding, unknown_names
from .task_modules import load_task_modules

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .task_bindings import TrackOptions

logger = get_logger("celery_ops.tracking")

T = TypeVar("T")


class Registry:
    """The bindings of ``track`` and of ``TRACKED_TASKS``, by task name.

    Names are resolved on first use: at import time a task may not have its app yet.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._undecided: list[tuple[Any, TaskBinding]] = []
        self._tracked: dict[str, tuple[TaskBinding, ...]] = {}
        self._merged: dict[str, tuple[TaskBinding, ...]] = {}
        self._of_models: dict[type[Model], tuple[tuple[str, TaskBinding], ...]] = {}  # made when first asked for
        self._signatures: dict[str, Signature] = {}
        self._sensitive: dict[str, frozenset[str]] = {}  # made when first asked for
        self._source: Any = None
        self._modules_loaded = False
        self._unimported: list[str] = []

    def add(self, task: Any, binding: TaskBinding) -> None:
        """Bind ``task`` (a Task or Celery's proxy of one)."""
        if is_django_task(task):
            listen(task)
        # Without the lock: whoever holds it may be waiting for the import that runs this.
        self._undecided.append((task, binding))

    def bindings(self, task_name: str) -> tuple[TaskBinding, ...]:
        """Return the bindings of a task, none for a task that nobody tracks."""
        if self._undecided or not self._modules_loaded or self._source is not conf.source:
            self._load()
        return self._merged.get(task_name, ())

    def for_model(self, model: type[Model]) -> tuple[tuple[str, TaskBinding], ...]:
        """Return ``(task name, binding)`` of every task tracked for ``model``, by name."""
        self.bindings("")
        concrete, of_models = model._meta.concrete_model or model, self._of_models
        if concrete not in of_models:
            pairs: list[tuple[str, TaskBinding]] = []
            for name, bindings in sorted(self._merged.items()):
                pairs += ((name, binding) for binding in bindings if _same_model(binding, concrete))
            of_models[concrete] = tuple(pairs)
        return of_models[concrete]

    def models(self) -> list[type[Model]]:
        """Return the concrete models that tasks are tracked for, each once."""
        self.bindings("")
        models: dict[type[Model], None] = {}
        for binding in chain.from_iterable(self._merged.values()):
            with suppress(LookupError, ValueError):  # a model that is not installed
                models[binding.model_class] = None
        return list(models)

    def names(self) -> list[str]:
        """Return the names of the tasks that are tracked for any model."""
        self.bindings("")
        return list(self._merged)

    def is_bound(self, task_name: str, model_label: str) -> bool:
        """Return whether a task is tracked for that model."""
        return any(_has_label(binding, model_label) for binding in self.bindings(task_name))

    def label(self, task_name: str, model_label: str = "") -> str:
        """Return what a person reads: that model's label, another binding's, RUNNABLE_TASKS', or the name in words."""
        labelled = [binding for binding in self.bindings(task_name) if binding.label]
        own = [binding for binding in labelled if _has_label(binding, model_label)]
        label = next((binding.label for binding in (*own, *labelled)), None)
        return str(label or _runnable_label(task_name) or humanised(task_name))

    def signature(self, task_name: str) -> Signature | None:
        """Return the signature of a task that this process knows, else None."""
        signature = self._signatures.get(task_name)
        if signature is None:
            self.bindings("")  # imports the modules of tasks, which a new process has not done yet
        if signature is None and (task := conf.celery_app.tasks.get(task_name)) is not None:
            signature = signature_of(task)
            if signature is not None:
                self._signatures[task_name] = signature
        return signature

    def sensitive(self, task_name: str) -> frozenset[str]:
        """Return the parameters whose values are never shown: of all the task's bindings and of its annotations."""
        self.bindings("")
        kept = self._sensitive  # whoever binds more meanwhile begins another
        parameters = kept.get(task_name)
        if parameters is not None:
            return parameters
        signature = self.signature(task_name)
        of_bindings = frozenset[str]().union(*(binding.sensitive for binding in self.bindings(task_name)))
        if signature is None:
            return of_bindings
        kept[task_name] = of_bindings | signature.sensitive
        return kept[task_name]

    def problems(self) -> list[str]:
        """Return what is wrong with the bindings, a sentence each."""
        self.bindings("")
        problems = []
        for name, bindings in self._merged.items():
            for binding in bindings:
                try:
                    _ = binding.model_class
                except (LookupError, ValueError):
                    problems.append(f"{name} is tracked for {binding.model!r}, which is not a model of this site")
        return problems

    def unknown_names(self) -> list[str]:
        """Return what bindings name that is not there, a sentence each: such tasks are linked to nothing."""
        self.bindings("")
        sentences: list[str] = []
        for name, bindings in self._merged.items():
            for binding in bindings:
                with suppress(LookupError, ValueError):  # a model that is not installed is a problem of its own
                    sentences += unknown_names(name, binding.named, binding.model_class, self.signature(name))
        return sentences

    def unimported(self) -> list[str]:
        """Return which modules could not be imported and why, a sentence each: their tasks are not known here."""
        self.bindings("")
        return list(self._unimported)

    def _load(self) -> None:
        with self._lock:
            if not self._modules_loaded:
                self._modules_loaded = True  # first: a task module that publishes comes back here
                self._unimported += load_task_modules()
            while self._undecided:
                task, binding = self._undecided.pop(0)
                for name in _names_of(task):
                    self._tracked[name] = (*self._tracked.get(name, ()), binding)
            source = conf.source
            merged = dict(self._tracked)
            for name, binding in _configured(conf.TRACKED_TASKS):
                merged[name] = (*merged.get(name, ()), binding)
            self._merged = merged
            self._of_models = {}
            self._signatures = {}
            self._sensitive = {}
            self._source = source  # last: from here on nobody waits for the lock


def _names_of(task: Any) -> list[str]:
    return celery_names(task, conf.celery_app.tasks) if is_django_task(task) else [task.name]


def _configured(setting: Any) -> list[tuple[str, TaskBinding]]:
    """The valid entries of ``TRACKED_TASKS``; the others are the system check's to report."""
    bindings = []
    for name, options in setting.items() if isinstance(setting, Mapping) else ():
        for entry in options if isinstance(options, (list, tuple)) else (options,):
            try:
                if not isinstance(name, str):
                    raise TypeError("a task is named by text")
                others = {key: value for key, value in entry.items() if key != "model"}
                bindings.append((name, make_binding(entry["model"], others)))
            except (TypeError, KeyError, AttributeError) as error:
                logger.warning("CELERY_OPS['TRACKED_TASKS'][%r] is left out: %s", name, error)
    return bindings


def _runnable_label(task_name: str) -> Any:
    options = conf.RUNNABLE_TASKS.get(task_name) if isinstance(conf.RUNNABLE_TASKS, Mapping) else None
    return options.get("label") if isinstance(options, Mapping) else None


def _same_model(binding: TaskBinding, concrete: type[Model]) -> bool:
    try:
        return binding.model_class is concrete
    except (LookupError, ValueError):
        return False


def _has_label(binding: TaskBinding, model_label: str) -> bool:
    if not model_label:
        return True
    try:
        return binding.model_class._meta.label_lower == model_label
    except (LookupError, ValueError):
        return False


def track(model: type[Model] | str, **options: "Unpack[TrackOptions]") -> Callable[[T], T]:
    """Track a task for ``model``: a model class, or a label such as ``"shop.Order"``.

    Goes above ``@shared_task`` or ``@app.task``, and above Django's ``@task`` where Celery runs those; stacks for
    several models.

    ``id_query`` says how the task's arguments name the object: None takes the first parameter as the primary key,
    a str the argument of that name, a tuple fields looked up by the arguments of the same names, a dict
    lookup -> argument name, a callable ``(args, kwargs)`` returns a primary key, an instance or None.
    ``launch_args`` and ``launch_kwargs`` are what a panel launches the task with; ``FromModel`` takes a value from the
    object. ``hidden`` keeps it out of the launch menu; ``label`` is what people read; ``sensitive`` names parameters
    whose values are never stored or shown.

    Raises TypeError when an option is wrong or when it is put below the task decorator.
    """
    binding = make_binding(model, options)

    def decorate(task: T) -> T:
        # type() and not isinstance(): looking through Celery's proxy would bind the task to an app at import time.
        if not (issubclass(type(task), Proxy) or isinstance(task, Task) or is_django_task(task)):
            raise TypeError(
                f"@track({binding.model!r}) is below the task decorator: "
                f"put it above @shared_task or @app.task of {getattr(task, '__name__', task)!r}, "
                "or above Django's @task"
            )
        registry.add(task, binding)
        return task

    return decorate


def humanised(task_name: str) -> str:
    """``inventory.tasks.generate_qr_code`` -> ``Generate qr code``."""
    words = task_name.rpartition(".")[2].replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words else task_name


registry = Registry()
