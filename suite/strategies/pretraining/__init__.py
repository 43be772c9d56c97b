"""Pretraining: the objectives that make a backbone of the zoo, one file each, and ``suite pretrain`` around them."""
