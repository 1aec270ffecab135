"""Which of the processes that were forked from each other this is: a task's own child logs nothing of the task's."""

import os

#: Another number in a child than in its parent. To ask for it is no call of the system.
generation = 0


def _in_child() -> None:
    global generation
    generation += 1


os.register_at_fork(after_in_child=_in_child)
