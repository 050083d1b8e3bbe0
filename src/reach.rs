//! Facts x bundle -> reach.
