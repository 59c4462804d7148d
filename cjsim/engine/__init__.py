"""The compiled and the readable simulation engine, with their buffers, desk queues, shared resources and run records."""
