"""Background work: jobs, schedules, streams, the event outbox and the worker process that runs them; knows no HTTP route."""
