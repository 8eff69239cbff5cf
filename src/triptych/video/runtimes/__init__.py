"""Takes a style network and the hardware at hand.

Gives a stylizer: eager or compiled PyTorch, CUDA or OpenVINO, whichever is quickest.
"""
