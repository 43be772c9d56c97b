"""What a stage is, for every architecture that the sources give: one file per family."""
