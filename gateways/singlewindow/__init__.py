"""The Single Window of customs: gateway and emulator."""
