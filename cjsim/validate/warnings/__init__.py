"""Warnings about likely mistakes in valid documents."""
