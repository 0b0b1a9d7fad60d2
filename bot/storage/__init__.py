"""Where the bot keeps data: SQLite in the state folder, or PostgreSQL by `DATABASE_URL`."""
