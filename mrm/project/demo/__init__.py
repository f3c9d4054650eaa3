"""The demo bank: people, models and a decision, all made by walking the real services."""
