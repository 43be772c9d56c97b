"""How many objects are on an image: a task with its own targets, outputs and metrics."""
