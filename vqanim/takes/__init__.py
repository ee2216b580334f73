"""The store of painted frames: atomic PNGs with metadata, digests, records, locks. No torch."""
