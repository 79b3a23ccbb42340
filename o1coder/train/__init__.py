"""Trainer programs: each reads a folder (spec.json, data.jsonl) and leaves a folder (metrics.jsonl, model/, done.json).

`spec.py` what a folder may ask; `folder.py` its files; `launch.py` the command that starts a program; `process.py`
dying with the parent and a clean standard output; `loading.py` base models and adapters; `losses.py` the losses as
pure functions; `program.py` what all four programs share; `sft.py`, `dpo.py`, `prm.py`, `grpo.py` the programs;
`chain.py` and `rollouts.py` how RL cuts a completion into steps and rewards it. Knows no lab: no database, no rows.
"""
