"""Small pretrained backbones that ship with the suite, so that it runs with no network."""
