"""BigGAN-deep: its network, its files, and painting with it."""
