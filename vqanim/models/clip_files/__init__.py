"""Files of CLIPs that people own: their configs, the names of their weights, and what is known of them."""
