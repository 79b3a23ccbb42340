"""The screens, one file each: they ask `o1coder.queries` in worker threads and hand the answers to widgets."""
