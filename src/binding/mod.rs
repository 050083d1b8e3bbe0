//! The bindings to JavaScript. They hold no logic: they call the modules above.

#[cfg(feature = "console")]
#[expect(unreachable_pub, reason = "JavaScript reaches them")]
mod console;
#[cfg(feature = "decoder")]
mod decode;
#[cfg(feature = "edge")]
#[expect(unreachable_pub, reason = "JavaScript reaches them")]
mod edge;
