"""What outside services tell plugins: whose secret it is, whether it was heard before, and in which form it came."""
