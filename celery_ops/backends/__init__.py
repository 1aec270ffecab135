"""Where the pages get their data: one base class for task, worker and queue backends, and ours."""
