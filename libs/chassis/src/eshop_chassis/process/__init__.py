"""The process: from settings to a graceful stop, worker processes, background tasks."""
