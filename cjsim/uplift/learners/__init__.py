"""Meta-learners for uplift, with the conventions of scikit-learn."""
