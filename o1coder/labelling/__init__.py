"""Who labels what: what a look at a step is worth, who holds which step, questions whose answer is known, random draws.

`worth` and `drawing` are pure; `leases` and `gold` are verbs of their tables. A label itself is written by labels.py, and
what is asked of the lab for an order is queries/queue.py's.
"""
