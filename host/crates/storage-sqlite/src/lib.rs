//! The stores over SQLite. SQL for SQLite is here and nowhere else.
