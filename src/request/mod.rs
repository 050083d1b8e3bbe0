//! What arrives: which models does a request mention?
