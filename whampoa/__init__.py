"""What a partner imports: the generated messages, the client, the check of a proof."""
