"""What more labels bring, and what to take with how many of them."""
