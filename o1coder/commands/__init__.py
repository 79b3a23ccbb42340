"""The commands of the command line, a file per noun. Each has `run(name, parser, words) -> exit code`."""
