"""Networks as scikit-learn estimators; many of them trained as one; and the search over them."""
