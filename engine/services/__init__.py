"""The gRPC services: one file a service, bytes in and bytes out on the write path."""
