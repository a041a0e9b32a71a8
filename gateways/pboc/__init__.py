"""The central bank's payment system (PBoC): gateway and emulator."""
