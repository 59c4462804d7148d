"""A journey from data: reading what a firm recorded, fitting, and saying where the data cannot tell.

Lives here: purchases.py, a journey from a purchase log. Does not live here: policies, which calibration never changes.
"""
