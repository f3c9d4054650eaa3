"""The ML gateway: its own process, no Django.

It runs ONNX models, answers in the Open Inference Protocol V2, and is told what to serve through a
control interface. It keeps its state on disk and serves on when the rest of the system is down.
"""
