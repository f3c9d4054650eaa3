"""Erasure of personal data: asked for, signed for, carried out, and every proof in the log still holds."""
