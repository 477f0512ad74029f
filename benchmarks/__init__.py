"""How fast this project trains and renders, beside its peers, side by side in one run."""
