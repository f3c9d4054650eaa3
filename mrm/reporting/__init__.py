"""Documents out: reports as PDF with what they rest on attached."""
