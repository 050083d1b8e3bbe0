//! One TOML file per API, and what lowers them into the bundle.
