//! The bridges to JavaScript, and nothing else: what they call stands in the modules above.

#[cfg(feature = "console")]
mod console;
#[cfg(feature = "edge")]
mod edge;
