"""Settings, root urls, the worker, the embedded servers and the reactions: wires the rest."""
