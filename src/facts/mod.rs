//! What is known of the caller before the body is read: place, network, account.
//!
//! Input: what a platform adapter and an account record say. Output: normalised facts, in which "unknown" is a value of its
//! own. Nothing here decides.

mod account;
mod address;
mod class;
mod digest;
mod network;
mod place;
mod value;

pub use account::Account;
pub(crate) use account::tag;
pub use address::read_ip;
pub(crate) use class::{listed_ip, listed_number, order_class, place_class, text_class};
#[cfg(any(feature = "edge", feature = "origin"))]
pub(crate) use digest::hmac_sha256;
#[cfg(feature = "author")]
pub(crate) use digest::list_digest;
pub(crate) use digest::list_key_check;
pub use network::Network;
pub use place::{Place, Seen, read_code, read_place};
pub use value::{OwnedValue, Value, order_of, read_time};
