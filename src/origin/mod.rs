//! For inference origins: whether a request comes from the gate just as the gate judged it, what its caller may not use, and the
//! acknowledgement that this was enforced. `docs/access-header.md` has the formats.
//!
//! Input: a request's method, target and headers, the gate's keys, the time. Output: a [`VerifiedAccess`], or the [`AccessHeaderError`] that says why the request
//! is not to be served. It reads no body and enforces nothing: which model a request comes to, the origin knows.
//!
//! ```
//! use portcullis::origin::{ArrivedRequest, Keys, AccessHeaderError, NonceCache, acknowledge, verify};
//!
//! let keys = Keys::read("edge-1:hmac-sha256:0HUfMIil4OMsxscLFFN10Y7nD+1yqtoU2szEiTbF1uU=")?;
//! let mut seen = NonceCache::default();
//!
//! # let headers: Vec<(&str, &str)> = Vec::new();
//! # let now = 0;
//! let arrived = ArrivedRequest { method: "POST", target: "/v1/responses", headers: &headers };
//! match verify(&arrived, &keys, now, Some(&mut seen)) {
//!     Ok(access header) if access header.denies("mythos-class") => { /* answer 403, if the request comes to a model of that family */ }
//!     Ok(access header) => {
//!         let key = Keys::read("origin-1:hmac-sha256:sE/p7cuY149Ks/CxDgzXMtj5OfHZyb+VeGiyPtMGba0=")?;
//!         let _value_of_portcullis_enforced = acknowledge(&access header, 200, &key);
//!     }
//!     // Nothing but the gate may reach the models: answer 403.
//!     Err(error) => assert_eq!(error, AccessHeaderError::Missing),
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
pub use self::error::AccessHeaderError;
#[cfg(feature = "origin")]
pub use self::key::{KeyError, Keys};
#[cfg(feature = "origin")]
pub use self::nonce_cache::{NonceCache, NonceStore, Taken};
pub use self::sign::{ACCESS_HEADER, ENFORCED_HEADER};
#[cfg(feature = "origin")]
pub use self::verify::{ArrivedRequest, VerifiedAccess, acknowledge, verify};
