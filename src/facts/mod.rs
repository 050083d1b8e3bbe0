//! What is known of the caller before the body is read: place, network, account.
//!
//! Input: what a platform adapter and an account record say. Output: normalised facts, in which "unknown" is a value of its
//! own. Nothing here decides.

mod network;
mod place;
mod value;

pub use network::Network;
pub use place::{Place, Seen, read_code, read_place};
pub use value::{Value, order_of, read_time};
