"""Regularization: dropout and weight decay as first done, and what holding back does to networks that over-fit."""
