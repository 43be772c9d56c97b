"""The search for hyperparameters: what is searched, by which sampler, when a trial is given up. No TensorFlow."""
