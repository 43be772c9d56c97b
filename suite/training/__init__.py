"""One fit, and everything that knows of devices beside ``suite.runner``."""
