"""One file a stage: the only place where facts and computation meet. Stages do not import each other."""
