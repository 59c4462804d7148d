"""The two simulation engines, compiled and readable, and what both need: buffers, desk queues, shared resources, records of a run."""
