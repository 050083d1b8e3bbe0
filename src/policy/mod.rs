//! What people write: document, condition, validation, lowering.
