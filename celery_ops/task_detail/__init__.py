"""Everything that is known of one task: results, tracking store, live workers and journal, merged."""

from .detail import TaskDetail, task_detail

__all__ = ["TaskDetail", "task_detail"]
