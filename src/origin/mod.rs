//! For inference origins: whether a request comes from the gate just as the gate judged it, what its caller may not use, and the
//! acknowledgement that this was enforced. `docs/reach-header.md` has the formats.
//!
//! Input: a request's method, target and headers, the gate's keys, the time. Output: a [`Mark`], or the [`MarkError`] that says why the request
//! is not to be served. It reads no body and enforces nothing: which model a request comes to, the origin knows.
//!
//! ```
//! use portcullis::origin::{Arrived, Keys, MarkError, Seen, acknowledge, verify};
//!
//! let keys = Keys::read("edge-1:hmac-sha256:0HUfMIil4OMsxscLFFN10Y7nD+1yqtoU2szEiTbF1uU=")?;
//! let mut seen = Seen::default();
//!
//! # let headers: Vec<(&str, &str)> = Vec::new();
//! # let now = 0;
//! let arrived = Arrived { method: "POST", target: "/v1/responses", headers: &headers };
//! match verify(&arrived, &keys, now, Some(&mut seen)) {
//!     Ok(mark) if mark.denies("mythos-class") => { /* answer 403, if the request comes to a model of that family */ }
//!     Ok(mark) => {
//!         let key = Keys::read("origin-1:hmac-sha256:sE/p7cuY149Ks/CxDgzXMtj5OfHZyb+VeGiyPtMGba0=")?;
//!         let _value_of_portcullis_enforced = acknowledge(&mark, 200, &key);
//!     }
//!     // Nothing but the gate may reach the models: answer 403.
//!     Err(error) => assert_eq!(error, MarkError::Missing),
//! }
//! # Ok::<(), portcullis::origin::KeyError>(())
//! ```

#[cfg(feature = "origin")]
mod error;
#[cfg(feature = "origin")]
mod field;
#[cfg(feature = "origin")]
mod key;
#[cfg(feature = "origin")]
mod nonce_cache;
pub(crate) mod sign;
#[cfg(feature = "origin")]
mod verify;

#[cfg(feature = "origin")]
pub use self::error::MarkError;
#[cfg(feature = "origin")]
pub use self::key::{KeyError, Keys};
#[cfg(feature = "origin")]
pub use self::nonce_cache::{Nonces, Seen, Taken};
pub use self::sign::{ENFORCED_HEADER, REACH_HEADER};
#[cfg(feature = "origin")]
pub use self::verify::{Arrived, Mark, acknowledge, verify};
