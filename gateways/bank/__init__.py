"""The settlement bank: gateway and emulator."""
