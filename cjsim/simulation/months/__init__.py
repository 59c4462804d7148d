"""Series by calendar month, and tables of cohorts by month of entry and age."""
