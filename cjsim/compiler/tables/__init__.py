"""Arrays that the kernels read: one file for each part of a scenario."""
