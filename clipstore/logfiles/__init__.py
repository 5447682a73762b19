"""How the bytes of trackers' logs are framed and coded; `clipstore.logs` makes sense of them."""
