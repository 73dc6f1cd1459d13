"""The command line: one file a verb, each with `add_to(verbs)` (its arguments and help) and `run(given) -> exit code`."""
