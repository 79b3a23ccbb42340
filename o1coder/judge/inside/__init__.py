"""What runs on the other side of the wall: the warm interpreter, its jail, and the harness of one test.

The modules here are loaded twice: by the worker process as a top-level package `inside` (it starts without
site-packages and must not execute the rest of `o1coder`), and by the parent for the shared wire format and value
encoding. They import the standard library and one another, relatively, and nothing else.
"""
