"""Usage by project, agent, model, key or day."""
