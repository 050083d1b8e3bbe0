//! The bridges to JavaScript, and nothing else: what they call stands in the modules above.

#[cfg(feature = "console")]
#[expect(unreachable_pub, reason = "JavaScript reaches them")]
mod console;
#[cfg(feature = "decoder")]
mod decode;
#[cfg(feature = "edge")]
#[expect(unreachable_pub, reason = "JavaScript reaches them")]
mod edge;
