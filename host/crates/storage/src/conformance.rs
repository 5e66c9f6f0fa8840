//! Tests that every store passes; written against the traits alone.
