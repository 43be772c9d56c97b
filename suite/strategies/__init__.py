"""Ways to adapt a backbone, one file each: a fit context in, a fitted model out."""
