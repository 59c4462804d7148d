"""Meta-learners for uplift that follow scikit-learn conventions."""
