//! What one step of a decoder did.

/// How far one call of a stage came. Neither: it needs more bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    pub(crate) consumed: usize,
    pub(crate) produced: usize,
}
