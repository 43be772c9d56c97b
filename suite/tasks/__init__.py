"""Tasks, one file each: targets, head, objective, outputs, what is deployed, and which metric leads."""
