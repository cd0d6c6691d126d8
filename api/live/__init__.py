"""The board kept live over a WebSocket."""
