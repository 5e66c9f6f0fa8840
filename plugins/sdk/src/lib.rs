//! What a Corral plugin is written with: a trait per extension point, export macros, batch iterators, typed configuration.
