//! For inference origins: verifies the access header and acknowledges that it was enforced.
//!
//! A verified access header shows that the request comes from the gate, is the one that the gate
//! judged, and what its caller may not use. `docs/access-header.md` describes the formats.
//!
//! Input: a request's method, target and headers, the gate's keys, the time. Output: a
//! [`VerifiedAccess`], or the [`AccessHeaderError`] for which the request must not be served. This
//! module reads no body and enforces nothing, since only the origin knows which model a request
//! runs.
//!
//! ```
//! use portcullis::origin::{AccessHeaderError, ArrivedRequest, Keys, NonceCache};
//! use portcullis::origin::{acknowledge, verify};
//!
//! let keys = Keys::read("edge-1:hmac-sha256:0HUfMIil4OMsxscLFFN10Y7nD+1yqtoU2szEiTbF1uU=")?;
//! let mut seen = NonceCache::default();
//!
//! # let headers: Vec<(&str, &str)> = Vec::new();
//! # let now = 0;
//! let arrived = ArrivedRequest { method: "POST", target: "/v1/responses", headers: &headers };
//! match verify(&arrived, &keys, now, Some(&mut seen)) {
//!     Ok(access) if access.denies("mythos-class") => {
//!         // Answer 403 if the request runs a model of that family.
//!     }
//!     Ok(access) => {
//!         let own = "origin-1:hmac-sha256:sE/p7cuY149Ks/CxDgzXMtj5OfHZyb+VeGiyPtMGba0=";
//!         let _value_of_portcullis_enforced = acknowledge(&access, 200, &Keys::read(own)?);
//!     }
//!     // Answer 403: only requests from the gate may use the models.
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
