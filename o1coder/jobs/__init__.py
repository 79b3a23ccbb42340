"""The verbs of the job table and the two processes that run it: worker and child."""
