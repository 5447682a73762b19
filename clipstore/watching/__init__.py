"""Scoring while the training runs."""
