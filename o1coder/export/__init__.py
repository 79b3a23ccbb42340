"""Training rows in the formats that others read, one file a format, and the folder an export leaves.

What is selected is selection.py's; which rows a dataset froze is datasets.py's. Rows hold no ids and no times, so that the
same facts give the same bytes.
"""
