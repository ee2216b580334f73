"""CLIP guided diffusion: the networks, and painting with them."""
