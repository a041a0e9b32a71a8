"""The foreign-exchange authority (SAFE): gateway and emulator."""
