//! Fixtures for unit tests and fuzz targets.

#[cfg(any(all(test, feature = "author"), fuzzing))]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod automaton;
#[cfg(all(test, feature = "author"))]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
pub(crate) mod dice;
#[cfg(fuzzing)]
pub mod fuzz;
#[cfg(all(test, feature = "author"))]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
pub(crate) mod request_bundle;
