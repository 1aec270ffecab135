"""What Prometheus is told: totals of tasks, and workers and queues as they are now, by the names of known exporters."""
