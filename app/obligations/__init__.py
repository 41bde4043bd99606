"""Obligations: promises about matters that live elsewhere, put on this deployment's clock."""
