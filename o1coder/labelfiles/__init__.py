"""People's labels as files: steps handed out in the formats of other tools, and the answers read back, one file a format.

`record.py` what a row says · `prm800k.py`, `potato.py`, `flat.py` (jsonl, csv) the formats, which know no lab · `chains.py` which
steps go into a file · `finding.py` which step a row means · `store.py` the labels that come
of it. A file is read whole before
anything is written. Models' opinions are no labels here: what a tool pre-filled and no person confirmed is turned down.
"""
