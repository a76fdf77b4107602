"""What films and series are called and look like, kept, since requests hold nothing but numbers."""
