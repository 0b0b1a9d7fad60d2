"""Long work that users ask for: kept in the database, shown, cancellable, resumed."""
