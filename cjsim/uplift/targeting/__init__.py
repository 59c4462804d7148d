"""Targeting rules: fitted models of scikit-learn as tables, which a policy evaluates for each customer."""
