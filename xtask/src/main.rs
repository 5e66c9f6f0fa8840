//! Everything a person types: run, test, plugins, web, bench.

fn main() {}
