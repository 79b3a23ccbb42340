"""The lab's own estimators, labels, intervals and gate against a truth that is known: no model, no lab."""
