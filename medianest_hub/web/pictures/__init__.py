"""Pictures of outside services: fetched by their plugins, made small and harmless here, kept on disk. Takes no address."""
