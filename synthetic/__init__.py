"""Rendered people whose joints and camera are known exactly, and what the detector makes of them (README.md)."""
