"""Sections of pages, one file per section: `*_data` computes what a figure shows, `*_figure` returns the chart."""
