"""Agents: what an operator defines, and what each model can do for them."""
