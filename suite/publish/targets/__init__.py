"""Where a site is written to: a folder, a branch of a git repository, a bucket."""
