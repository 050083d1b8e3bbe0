//! The signature block: its place in the layout. Who signs and who checks comes with the deployment's keys; until then the block
//! is written empty and a block of any other shape than the layout's is refused.
