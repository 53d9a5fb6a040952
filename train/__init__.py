"""Contrastive training of CLIP models: a small one from nothing, or any checkpoint on a catalog of one's own."""
