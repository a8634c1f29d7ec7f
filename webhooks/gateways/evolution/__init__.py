"""Evolution API on its Baileys channel."""
