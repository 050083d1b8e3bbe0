//! The progress of one step of a decoder.

/// Bytes consumed and produced by one call. If both are 0, the stage needs more bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    pub(crate) consumed: usize,
    pub(crate) produced: usize,
}
