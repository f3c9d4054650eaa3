"""What serving places and registries hold, matched with the inventory: what nobody registered is found."""
