"""Targeting rules: fitted scikit-learn models as tables, which a policy evaluates for each customer."""
